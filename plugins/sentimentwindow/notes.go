package sentimentwindow

import (
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

// notePeriod is the minimum time between two log lines about dead letters. Each dead
// letter has its error, and metrics count them.
const notePeriod = 10 * time.Second

// Fields of log lines, in addition to those of Benthos.
const (
	logComponent = "component"
	logReason    = "reason"
	logTopic     = "topic"
	logPartition = "partition"
	logOffset    = "offset"
)

// notes logs the first dead letter of a period and, with a limit of its own, the first
// postponed message: many dead letters must not hide a batch that is too large.
type notes struct {
	log                     *service.Logger
	refusals, postponements loglimit.Limiter
}

func newNotes(log *service.Logger) *notes {
	return &notes{log: log, refusals: loglimit.Limiter{Period: notePeriod}, postponements: loglimit.Limiter{Period: notePeriod}}
}

// refused logs the first of a number of dead letters.
func (n *notes) refused(at place, reason string, err error, messages int64) {
	total, due := n.refusals.DueOf(messages, time.Now())
	if !due {
		return
	}
	n.with(at, reason).Warnf("Not counted: %v%s", err, more(total-1))
}

func more(silent int64) string {
	if silent == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more since the last such message", silent)
}

// with returns a logger with the position of a message.
func (n *notes) with(at place, reason string) *service.Logger {
	fields := []any{logReason, reason}
	if at.inKafka {
		if at.Topic != "" {
			fields = append(fields, logTopic, at.Topic)
		}
		if at.Partition >= 0 {
			fields = append(fields, logPartition, at.Partition)
		}
		if at.Offset >= 0 {
			fields = append(fields, logOffset, at.Offset)
		}
	}
	return n.log.With(fields...)
}

// postponed logs a message that its input redelivers until it can be counted.
func (n *notes) postponed(at place, reason string, err error) {
	total, due := n.postponements.DueOf(1, time.Now())
	if !due {
		return
	}
	n.with(at, reason).Errorf("Not counted yet; kafka_batches redelivers it until it can be: counting %s: %v%s", at, err, more(total-1))
}
