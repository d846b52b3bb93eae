package kafkabatch

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// The metrics of the output, as they are declared and described.
var (
	outputDeclared metric.Set

	kafkaErrors = metric.OneOf("kind", "connection", "no_answer", "or Kafka's name of the error, such as NOT_LEADER_FOR_PARTITION")

	metricOutRecords  = outputDeclared.Counter("kafka_batches_output_records", "records", "records acknowledged by Kafka")
	metricOutBatches  = outputDeclared.Counter("kafka_batches_output_batches", "record batches", "record batches they were in")
	metricOutBytes    = outputDeclared.Counter("kafka_batches_output_bytes", "bytes", "bytes of these batches before compression; of whole batches as they were")
	metricOutSent     = outputDeclared.Counter("kafka_batches_output_sent_bytes", "bytes", "bytes of these batches as they were sent")
	metricOutLatency  = outputDeclared.Timer("kafka_batches_output_latency_ns", "time from a request to its response")
	metricOutRetries  = outputDeclared.Counter("kafka_batches_output_errors", "errors", "errors after which something is retried", kafkaErrors)
	metricOutRejected = outputDeclared.Counter("kafka_batches_output_rejected", "messages", "messages that Kafka refuses, or that cannot be records, each time",
		metric.OneOf("reason", "batch", fieldKey, "message", "NO_PARTITION", fieldPartition, "record_batch", fieldTimestamp, fieldTopic, "unreadable", "or Kafka's name of the error, such as MESSAGE_TOO_LARGE"))
	metricOutInFlight = outputDeclared.Gauge("kafka_batches_output_in_flight_bytes", "bytes", "bytes of batches in requests without a response")
)

// OutputMetrics returns the metrics of the output.
func OutputMetrics() []metric.Description { return outputDeclared.All() }

// outputMetrics observes a producer. Errors are logged by a goroutine of its own, since
// the producer holds locks when it reports them.
type outputMetrics struct {
	records, batches, bytes, sent, retries, rejected *service.MetricCounter
	latency                                          *service.MetricTimer
	inFlight                                         *service.MetricGauge
	flying                                           atomic.Int64

	log    *service.Logger
	errors chan retried // one; others are only counted
	stop   func()
}

type retried struct {
	kind string
	err  error
}

func newOutputMetrics(m *service.Metrics, log *service.Logger) *outputMetrics {
	o := &outputMetrics{
		records: metricOutRecords.New(m), batches: metricOutBatches.New(m), bytes: metricOutBytes.New(m), sent: metricOutSent.New(m),
		retries: metricOutRetries.New(m), rejected: metricOutRejected.New(m), latency: metricOutLatency.New(m), inFlight: metricOutInFlight.New(m),
		log: log, errors: make(chan retried, 1),
	}
	done := make(chan struct{})
	o.stop = sync.OnceFunc(func() { close(done) })
	go o.report(done)
	return o
}

func (o *outputMetrics) close() { o.stop() }

func (o *outputMetrics) report(done chan struct{}) {
	var lines loglimit.Limiter
	for {
		select {
		case <-done:
			return
		case r := <-o.errors:
			if lines.Due(r.kind, time.Now()) {
				o.log.With(logReason, r.kind).Warnf("%v; retrying", r.err)
			}
			// Errors come in crowds: one in a second is enough to see what is wrong.
			select {
			case <-done:
				return
			case <-time.After(time.Second):
			}
		}
	}
}

func (o *outputMetrics) Sent(records, batches int, plain, sent int64, took time.Duration) {
	o.records.Incr(int64(records))
	o.batches.Incr(int64(batches))
	o.bytes.Incr(plain)
	o.sent.Incr(sent)
	o.latency.Timing(took.Nanoseconds())
}

func (o *outputMetrics) InFlight(bytes int64) { o.inFlight.Set(o.flying.Add(bytes)) }

func (o *outputMetrics) Retrying(kind string, err error) {
	o.retries.Incr(1, kind)
	select {
	case o.errors <- retried{kind, err}:
	default:
	}
}
