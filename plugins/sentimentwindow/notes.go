package sentimentwindow

import (
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// notePeriod is how often at most a refused message is logged: each has its
// error, and metrics count them.
const notePeriod = 10 * time.Second

// Fields of a log line, beside those of Benthos.
const (
	logComponent = "component"
	logReason    = "reason"
	logTopic     = "topic"
	logPartition = "partition"
	logOffset    = "offset"
)

// notes logs the first of the messages that are refused in a period.
type notes struct {
	log *service.Logger

	mu     sync.Mutex
	last   time.Time // when one was logged
	silent int       // refused since
}

func (n *notes) refused(at place, reason string, err error) {
	silent, due := n.due(time.Now())
	if !due {
		return
	}
	n.with(at, reason).Warnf("Not counted: %v%s", err, more(silent))
}

func more(silent int) string {
	if silent == 0 {
		return ""
	}
	return fmt.Sprintf("; %d more since the last such line", silent)
}

// with logs of a message with where it is.
func (n *notes) with(at place, reason string) *service.Logger {
	fields := []any{logReason, reason}
	if at.inKafka {
		if at.topic != "" {
			fields = append(fields, logTopic, at.topic)
		}
		if at.partition >= 0 {
			fields = append(fields, logPartition, at.partition)
		}
		if at.offset >= 0 {
			fields = append(fields, logOffset, at.offset)
		}
	}
	return n.log.With(fields...)
}

// postponed logs a message that its input redelivers until it can be counted.
func (n *notes) postponed(at place, reason string, err error) {
	silent, due := n.due(time.Now())
	if !due {
		return
	}
	n.with(at, reason).Errorf("Not counted until it can be, and redelivered by kafka_batches meanwhile: counting %s: %v%s", at, err, more(silent))
}

// due says whether to log, and how many were not logged before.
func (n *notes) due(now time.Time) (silent int, due bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.last.IsZero() && now.Sub(n.last) < notePeriod {
		n.silent++
		return 0, false
	}
	silent, n.last, n.silent = n.silent, now, 0
	return silent, true
}
