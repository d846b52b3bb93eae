package influxdb

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// Declarations of the metrics.
var (
	declared metric.Set

	metricWritten  = declared.Counter("influxdb_points_written", "points", "points that InfluxDB has stored")
	metricRejected = declared.Counter("influxdb_points_rejected", "points", "rejected points, and messages that are not points", metric.OneOf("reason", classes()...))
	metricBlank    = declared.Counter("influxdb_messages_blank", "messages", "messages with only blank lines and comments, acknowledged without writing")
	metricUnlikely = declared.Counter("influxdb_unlikely_times", "points", "points with a timestamp that is probably wrong, but written unchanged: in the first weeks of 1970, by the unit that the timestamp seems to have, or more than a year in the future", metric.OneOf("looks_like", timeKindNames()...))
	metricWaiting  = declared.Gauge("influxdb_points_waiting", "points", "points received and not stored yet")
	metricRequests = declared.Counter("influxdb_requests", "requests", "requests by their outcome, see above", metric.OneOf("verdict", verdictNames()...))
	metricSent     = declared.Counter("influxdb_points_sent", "points", "points in all requests")
	metricRaw      = declared.Counter("influxdb_bytes_raw", "bytes", "bytes of request bodies before compression")
	metricWire     = declared.Counter("influxdb_bytes_sent", "bytes", "bytes of request bodies as sent")
	metricLatency  = declared.Timer("influxdb_request_latency_ns", "time from a request to its response")
	metricRetries  = declared.Counter("influxdb_retries", "requests", "requests that were retried after a wait")
	metricSplits   = declared.Counter("influxdb_splits", "requests", "requests that were split: too large, or with rejected points")
	metricInFlight = declared.Gauge("influxdb_requests_in_flight", "requests", "requests in flight, including their retries")
	metricAlone    = declared.Gauge("influxdb_points_alone", "points", "points that are retried by themselves: InfluxDB rejects them for no known reason, while it accepts other points")
	metricTweets   = declared.Counter("influxdb_tweets_written", "tweets", "tweets in stored messages, according to their metadata `tweets`")
	metricEvents   = declared.Timer("influxdb_event_latency_ns", "time from the metadata `event_time_ms` of a message until InfluxDB has stored it")
)

// Metrics returns the metrics of the output.
func Metrics() []metric.Description { return declared.All() }

type outputMetrics struct {
	written      *service.MetricCounter
	rejected     *service.MetricCounter
	blank        *service.MetricCounter
	unlikely     *service.MetricCounter
	waiting      level
	requests     *service.MetricCounter
	sent         *service.MetricCounter
	raw          *service.MetricCounter
	wire         *service.MetricCounter
	latency      *service.MetricTimer
	retries      *service.MetricCounter
	splits       *service.MetricCounter
	inFlight     level
	alone        *service.MetricGauge
	tweets       *service.MetricCounter
	eventLatency *service.MetricTimer
}

func newOutputMetrics(m *service.Metrics) *outputMetrics {
	return &outputMetrics{
		written:      metricWritten.New(m),
		rejected:     metricRejected.New(m),
		blank:        metricBlank.New(m),
		unlikely:     metricUnlikely.New(m),
		waiting:      level{gauge: metricWaiting.New(m)},
		requests:     metricRequests.New(m),
		sent:         metricSent.New(m),
		raw:          metricRaw.New(m),
		wire:         metricWire.New(m),
		latency:      metricLatency.New(m),
		retries:      metricRetries.New(m),
		splits:       metricSplits.New(m),
		inFlight:     level{gauge: metricInFlight.New(m)},
		alone:        metricAlone.New(m),
		tweets:       metricTweets.New(m),
		eventLatency: metricEvents.New(m),
	}
}

// level is a gauge with a value that changes by increments. Benthos 4.80 has Incr and
// Decr, but loses updates.
type level struct {
	gauge *service.MetricGauge

	mu    sync.Mutex // guards value, and orders the calls of gauge.Set
	value int64
}

func (l *level) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.value += n
	l.gauge.Set(l.value)
}

// request counts one request and its verdict.
func (m *outputMetrics) request(v verdict, points, raw, wire int, took time.Duration) {
	m.requests.Incr(1, v.String())
	m.sent.Incr(int64(points))
	m.raw.Incr(int64(raw))
	m.wire.Incr(int64(wire))
	m.latency.Timing(took.Nanoseconds())
}
