package influxdb

import (
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// The metrics, as they are declared and described.
var (
	declared metric.Set

	metricWritten  = declared.Counter("influxdb_points_written", "points", "points that InfluxDB has stored")
	metricRejected = declared.Counter("influxdb_points_rejected", "points", "refused points, and messages that are none", metric.OneOf("reason", classes()...))
	metricBlank    = declared.Counter("influxdb_messages_blank", "messages", "messages of blank lines and comments alone, acknowledged without writing anything")
	metricUnlikely = declared.Counter("influxdb_unlikely_times", "points", "points with a timestamp that is probably a mistake, written all the same: in the first weeks of 1970, by the unit that the timestamp seems to be in, or more than a year ahead", metric.OneOf("looks_like", timeKindNames()...))
	metricWaiting  = declared.Gauge("influxdb_points_waiting", "points", "points taken and not stored yet")
	metricRequests = declared.Counter("influxdb_requests", "requests", "requests and what became of them, see above", metric.OneOf("verdict", verdictNames()...))
	metricSent     = declared.Counter("influxdb_points_sent", "points", "points in all requests")
	metricRaw      = declared.Counter("influxdb_bytes_raw", "bytes", "bytes of the requests before compression")
	metricWire     = declared.Counter("influxdb_bytes_sent", "bytes", "the same after it")
	metricLatency  = declared.Timer("influxdb_request_latency_ns", "time from a request to its answer")
	metricRetries  = declared.Counter("influxdb_retries", "requests", "requests that were sent again after a wait")
	metricSplits   = declared.Counter("influxdb_splits", "requests", "requests of which a part was sent by itself: too large, or with refused points")
	metricInFlight = declared.Gauge("influxdb_requests_in_flight", "requests", "requests that are being brought to a verdict")
	metricAlone    = declared.Gauge("influxdb_points_alone", "points", "points that InfluxDB does not accept for a reason that nobody knows, and that wait alone, while it accepts others")
	metricTweets   = declared.Counter("influxdb_tweets_written", "tweets", "what the metadata `tweets` of stored messages says, added up")
	metricEvents   = declared.Timer("influxdb_event_latency_ns", "time from the metadata `event_time_ms` of a message to when InfluxDB has stored it")
)

// Metrics are all that the output makes.
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
