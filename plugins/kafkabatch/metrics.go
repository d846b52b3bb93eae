package kafkabatch

import (
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// The metrics, as they are declared and described.
var (
	declared metric.Set

	ofTopics     = metric.Of("topic", "those of `topics`")
	ofPartitions = metric.Of("partition", "those that the process has")

	metricBatches     = declared.Counter("kafka_batches_batches", "record batches", "record batches delivered, redeliveries included")
	metricRecords     = declared.Counter("kafka_batches_records", "records", "records in them")
	metricBytes       = declared.Counter("kafka_batches_bytes", "bytes", "bytes in them, as they are in the log; with `emit: records` decompressed")
	metricFetched     = declared.Counter("kafka_batches_fetched_bytes", "bytes", "bytes of batches in the responses of the brokers")
	metricInFlight    = declared.Gauge("kafka_batches_in_flight_bytes", "bytes", "bytes of `max_in_flight_bytes` in use: by batches that are fetched and not acknowledged, and by their results")
	metricLag         = declared.Gauge("kafka_batches_lag", "offsets", "offsets between the end of the log, as far as it can be read, and the acknowledged ones; the end is requested every second", ofTopics, ofPartitions)
	metricLagSeconds  = declared.Gauge("kafka_batches_lag_seconds", "seconds", "age of the oldest batch that is not acknowledged, 0 without lag", ofTopics, ofPartitions)
	metricStopped     = declared.Gauge("kafka_batches_stopped", "", "1 if the partition waits for an operator, else 0", ofTopics, ofPartitions)
	metricWaiting     = declared.Gauge("kafka_batches_waiting", "record batches", "batches that were nacked or refused, and are redelivered until they are accepted", ofTopics, ofPartitions)
	metricSkew        = declared.Gauge("kafka_batches_partition_skew_ratio", "", "share of the records fetched in the last two seconds, if the partition has so many more than the others that it holds them up: with n partitions more than (1 + 1/n) / 2; else 0", ofTopics, ofPartitions)
	metricNacks       = declared.Counter("kafka_batches_nacks", "record batches", "batches that were nacked or refused, each time, and are redelivered")
	metricCommits     = declared.Counter("kafka_batches_commits", "commits", "commits of offsets")
	metricErrors      = declared.Counter("kafka_batches_errors", "errors", "errors, each of which is retried or stops a partition", metric.OneOf("kind", append(errorKinds(), "or Kafka's name of the error, such as NOT_LEADER_FOR_PARTITION")...))
	metricLostRecords = declared.Counter("kafka_batches_lost_records", "offsets", "offsets skipped by `on_lost_records: earliest`")
	metricAborted     = declared.Counter("kafka_batches_aborted_records", "records", "records of aborted transactions, which are not delivered")
)

// Metrics are all that the input makes.
func Metrics() []metric.Description { return declared.All() }

// errorKinds are the kinds of errors that do not have one of Kafka's names.
func errorKinds() []string {
	return []string{
		"broker", "commit", "compacted", "corrupt", "fetch", "fingerprint", "group", "leader_epoch", "metadata", "no_commit",
		"offsets", "out_of_range", "records_lost", "too_large", "topic_gone", kindRecreated, "truncated",
	}
}

type metrics struct {
	batches     *service.MetricCounter
	records     *service.MetricCounter
	bytes       *service.MetricCounter
	fetched     *service.MetricCounter
	inFlight    *service.MetricGauge
	lag         *service.MetricGauge
	lagSeconds  *service.MetricGauge
	stopped     *service.MetricGauge
	waiting     *service.MetricGauge
	skew        *service.MetricGauge
	nacks       *service.MetricCounter
	commits     *service.MetricCounter
	errors      *service.MetricCounter
	lostRecords *service.MetricCounter
	aborted     *service.MetricCounter
}

func newMetrics(m *service.Metrics) *metrics {
	return &metrics{
		batches:     metricBatches.New(m),
		records:     metricRecords.New(m),
		bytes:       metricBytes.New(m),
		fetched:     metricFetched.New(m),
		inFlight:    metricInFlight.New(m),
		lag:         metricLag.New(m),
		lagSeconds:  metricLagSeconds.New(m),
		stopped:     metricStopped.New(m),
		waiting:     metricWaiting.New(m),
		skew:        metricSkew.New(m),
		nacks:       metricNacks.New(m),
		commits:     metricCommits.New(m),
		errors:      metricErrors.New(m),
		lostRecords: metricLostRecords.New(m),
		aborted:     metricAborted.New(m),
	}
}

// delivered counts a batch each time that it is delivered.
func (m *metrics) delivered(b *track.Batch) {
	m.batches.Incr(1)
	m.records.Incr(int64(b.Header.Records))
	m.bytes.Incr(int64(len(b.Bytes)))
}

// show sets the gauges of a partition. skew is its share of the records, if that is too
// large.
func (m *metrics) show(p track.Status, skew float64) {
	number := strconv.Itoa(int(p.Partition))
	if p.LagKnown {
		m.lag.Set(p.Lag, p.Topic, number)
		m.lagSeconds.SetFloat64(p.LagTime.Seconds(), p.Topic, number)
	}
	stopped := int64(0)
	if p.Step == track.Stopped {
		stopped = 1
	}
	m.stopped.Set(stopped, p.Topic, number)
	m.waiting.Set(int64(p.Waiting), p.Topic, number)
	m.skew.SetFloat64(skew, p.Topic, number)
}

// forget clears the gauges of a partition that another member has now.
func (m *metrics) forget(id track.ID) {
	number := strconv.Itoa(int(id.Partition))
	m.lag.Set(0, id.Topic, number)
	m.lagSeconds.SetFloat64(0, id.Topic, number)
	m.stopped.Set(0, id.Topic, number)
	m.waiting.Set(0, id.Topic, number)
	m.skew.SetFloat64(0, id.Topic, number)
}
