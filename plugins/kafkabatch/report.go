package kafkabatch

import (
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

// Fields of a log line, beside those of Benthos.
const (
	logComponent = "component"
	logTopic     = "topic"
	logPartition = "partition"
	logOffset    = "offset"
)

// report logs and counts what goes wrong with partitions, brokers and the group.
type report struct {
	log     *service.Logger
	metrics *metrics
	skew    *skew

	brokers, commits, metadata, group loglimit.Limiter

	mu         sync.Mutex
	partitions map[track.ID]*partitionLines

	// gauges keeps those of a partition from being set, from a status of before, after
	// they were cleared for good. It is locked before the tracker's mutex.
	gauges sync.Mutex
}

// partitionLines are the lines about one partition.
type partitionLines struct{ fetches, redeliveries loglimit.Limiter }

func newReport(log *service.Logger, m *metrics) *report {
	return &report{log: log, metrics: m, skew: newSkew(), partitions: map[track.ID]*partitionLines{}}
}

// lines returns the limiters of a partition.
func (r *report) lines(id track.ID) *partitionLines {
	r.mu.Lock()
	defer r.mu.Unlock()
	lines := r.partitions[id]
	if lines == nil {
		lines = &partitionLines{}
		r.partitions[id] = lines
	}
	return lines
}

// forget ends the reports about a partition that the tracker does not have any more.
func (r *report) forget(id track.ID) {
	r.gauges.Lock()
	r.metrics.forget(id)
	r.gauges.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.partitions, id)
}

// show sets the gauges of partitions, and logs again why some are stopped.
func (r *report) show(t *track.Tracker, now time.Time) {
	r.gauges.Lock()
	defer r.gauges.Unlock()
	all := t.Status(now)
	skewed := r.skew.shares(now, len(all))
	for _, p := range all {
		r.metrics.show(p, skewed[p.ID])
		if p.Step == track.Stopped {
			r.stopped(p.ID, p.Next, p.Stopped)
		}
	}
}

// at logs of a place in a partition.
func (r *report) at(id track.ID, offset int64) *service.Logger {
	return r.log.With(logTopic, id.Topic, logPartition, id.Partition, logOffset, offset)
}

// stop stops a partition until an operator has decided.
func (r *report) stop(p *track.Partition, kind string, err error) {
	if p.Stop(err) {
		r.metrics.errors.Incr(1, kind)
		r.stopped(p.ID, p.Next(), err)
	}
}

// stopped logs why a partition is stopped.
func (r *report) stopped(id track.ID, offset int64, err error) {
	text := fmt.Sprintf("Partition %d of %s is stopped: %v", id.Partition, id.Topic, err)
	if r.lines(id).fetches.Due(text, time.Now()) {
		r.at(id, offset).Error(text)
	}
}

// pause lets a partition rest after something that may pass. It reports whether it does:
// not if the partition is stopped or revoked.
func (r *report) pause(p *track.Partition, kind string, err error) bool {
	failures := p.Pause(time.Now())
	if failures > 0 {
		r.paused(p, kind, failures, err)
	}
	return failures > 0
}

// patientFailures is how many requests in a row fail before a line is logged: leaders
// change.
const patientFailures = 3

// paused counts that a partition waits, and logs it where it lasts.
func (r *report) paused(p *track.Partition, kind string, failures int, err error) {
	r.metrics.errors.Incr(1, kind)
	text := fmt.Sprintf("Partition %d of %s waits: %v", p.ID.Partition, p.Topic, err)
	if failures >= patientFailures && r.lines(p.ID).fetches.Due(text, time.Now()) {
		r.at(p.ID, p.Next()).Warn(text)
	}
}

// nacked counts a batch that is to be redelivered, and logs it where it lasts.
func (r *report) nacked(b *track.Batch, n track.Nacked, err error) {
	r.metrics.nacks.Incr(1)
	p := b.Partition()
	log := r.at(p.ID, b.Header.BaseOffset)
	log.Debugf("Redelivering the batch at offset %d of partition %d of %s: %v", b.Header.BaseOffset, p.ID.Partition, p.Topic, err)
	// One line for the partition, whatever its batches wait for: their errors differ,
	// and each of them comes back within seconds.
	if n.Nacks >= track.PatientNacks && r.lines(p.ID).redeliveries.Due("", time.Now()) {
		log.Warnf("Partition %d of %s waits at offset %d: its record batch is redelivered until it is accepted, since %s, with %d others of the partition: %v",
			p.ID.Partition, p.Topic, b.Header.BaseOffset, n.Since.UTC().Format(time.TimeOnly+"Z"), n.Waiting-1, err)
	}
	if n.Reread {
		r.at(p.ID, n.From).Debugf("Partition %d of %s waits and leaves the others no room: it is re-read from offset %d", p.ID.Partition, p.Topic, n.From)
	}
}
