package influxdb

import (
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// outputMetrics are described in the spec, in the order in which they are here.
type outputMetrics struct {
	written  *service.MetricCounter
	rejected *service.MetricCounter
	waiting  *service.MetricGauge
	requests *service.MetricCounter
	sent     *service.MetricCounter
	raw      *service.MetricCounter
	wire     *service.MetricCounter
	latency  *service.MetricTimer
	retries  *service.MetricCounter
	splits   *service.MetricCounter
	inFlight *service.MetricGauge
}

func newOutputMetrics(m *service.Metrics) *outputMetrics {
	return &outputMetrics{
		written:  m.NewCounter("influxdb_points_written"),
		rejected: m.NewCounter("influxdb_points_rejected", "reason"),
		waiting:  m.NewGauge("influxdb_points_waiting"),
		requests: m.NewCounter("influxdb_requests", "verdict"),
		sent:     m.NewCounter("influxdb_points_sent"),
		raw:      m.NewCounter("influxdb_bytes_raw"),
		wire:     m.NewCounter("influxdb_bytes_sent"),
		latency:  m.NewTimer("influxdb_request_latency_ns"),
		retries:  m.NewCounter("influxdb_retries"),
		splits:   m.NewCounter("influxdb_splits"),
		inFlight: m.NewGauge("influxdb_requests_in_flight"),
	}
}

// request counts one request and what became of it.
func (m *outputMetrics) request(v verdict, points, raw, wire int, took time.Duration) {
	m.requests.Incr(1, v.String())
	m.sent.Incr(int64(points))
	m.raw.Incr(int64(raw))
	m.wire.Incr(int64(wire))
	m.latency.Timing(took.Nanoseconds())
}
