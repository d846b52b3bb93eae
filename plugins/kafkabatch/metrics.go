package kafkabatch

import (
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// metrics are described in description.md, in the order in which they are here.
type metrics struct {
	batches     *service.MetricCounter
	records     *service.MetricCounter
	bytes       *service.MetricCounter
	fetched     *service.MetricCounter
	inFlight    *service.MetricGauge
	lag         *service.MetricGauge
	lagSeconds  *service.MetricGauge
	stopped     *service.MetricGauge
	nacks       *service.MetricCounter
	commits     *service.MetricCounter
	errors      *service.MetricCounter
	lostRecords *service.MetricCounter
	aborted     *service.MetricCounter
}

func newMetrics(m *service.Metrics) *metrics {
	return &metrics{
		batches:     m.NewCounter("kafka_batches_batches"),
		records:     m.NewCounter("kafka_batches_records"),
		bytes:       m.NewCounter("kafka_batches_bytes"),
		fetched:     m.NewCounter("kafka_batches_fetched_bytes"),
		inFlight:    m.NewGauge("kafka_batches_in_flight_bytes"),
		lag:         m.NewGauge("kafka_batches_lag", "topic", "partition"),
		lagSeconds:  m.NewGauge("kafka_batches_lag_seconds", "topic", "partition"),
		stopped:     m.NewGauge("kafka_batches_stopped", "topic", "partition"),
		nacks:       m.NewCounter("kafka_batches_nacks"),
		commits:     m.NewCounter("kafka_batches_commits"),
		errors:      m.NewCounter("kafka_batches_errors", "kind"),
		lostRecords: m.NewCounter("kafka_batches_lost_records"),
		aborted:     m.NewCounter("kafka_batches_aborted_records"),
	}
}

// handedOn counts a batch each time that it is handed on.
func (m *metrics) handedOn(b *batch) {
	m.batches.Incr(1)
	m.records.Incr(int64(b.header.Records))
	m.bytes.Incr(int64(len(b.bytes)))
}

// show sets the gauges of a partition.
func (m *metrics) show(p *partition, now time.Time) {
	number := strconv.Itoa(int(p.partition))
	if lag, ok := p.lag(); ok {
		var behind time.Duration
		if p.acked.at.time >= 0 && lag > 0 {
			behind = max(0, now.Sub(time.UnixMilli(p.acked.at.time)))
		}
		m.lag.Set(lag, p.topic, number)
		m.lagSeconds.SetFloat64(behind.Seconds(), p.topic, number)
	}
	stopped := int64(0)
	if p.phase == phaseStop {
		stopped = 1
	}
	m.stopped.Set(stopped, p.topic, number)
}

// forget clears the gauges of a partition that another member has now.
func (m *metrics) forget(p *partition) {
	number := strconv.Itoa(int(p.partition))
	m.lag.Set(0, p.topic, number)
	m.lagSeconds.SetFloat64(0, p.topic, number)
	m.stopped.Set(0, p.topic, number)
}
