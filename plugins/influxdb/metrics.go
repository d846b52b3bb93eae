package influxdb

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// outputMetrics are described in the spec, in the order in which they are here.
type outputMetrics struct {
	written      *service.MetricCounter
	rejected     *service.MetricCounter
	waiting      level
	requests     *service.MetricCounter
	sent         *service.MetricCounter
	raw          *service.MetricCounter
	wire         *service.MetricCounter
	latency      *service.MetricTimer
	retries      *service.MetricCounter
	splits       *service.MetricCounter
	inFlight     level
	tweets       *service.MetricCounter
	eventLatency *service.MetricTimer
}

func newOutputMetrics(m *service.Metrics) *outputMetrics {
	return &outputMetrics{
		written:      m.NewCounter("influxdb_points_written"),
		rejected:     m.NewCounter("influxdb_points_rejected", "reason"),
		waiting:      level{gauge: m.NewGauge("influxdb_points_waiting")},
		requests:     m.NewCounter("influxdb_requests", "verdict"),
		sent:         m.NewCounter("influxdb_points_sent"),
		raw:          m.NewCounter("influxdb_bytes_raw"),
		wire:         m.NewCounter("influxdb_bytes_sent"),
		latency:      m.NewTimer("influxdb_request_latency_ns"),
		retries:      m.NewCounter("influxdb_retries"),
		splits:       m.NewCounter("influxdb_splits"),
		inFlight:     level{gauge: m.NewGauge("influxdb_requests_in_flight")},
		tweets:       m.NewCounter("influxdb_tweets_written"),
		eventLatency: m.NewTimer("influxdb_event_latency_ns"),
	}
}

// level is a gauge that goes up and down. Those of Benthos 4.80 forget their value
// between one Incr or Decr and the next.
type level struct {
	gauge *service.MetricGauge

	mu    sync.Mutex // so that the last value set is the last one
	value int64
}

func (l *level) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value += n
	l.gauge.Set(l.value)
}

// request counts one request and what became of it.
func (m *outputMetrics) request(v verdict, points, raw, wire int, took time.Duration) {
	m.requests.Incr(1, v.String())
	m.sent.Incr(int64(points))
	m.raw.Incr(int64(raw))
	m.wire.Incr(int64(wire))
	m.latency.Timing(took.Nanoseconds())
}
