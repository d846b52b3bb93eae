package sentimentwindow

import (
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
	log := n.log.With(fields...)
	if silent > 0 {
		log.Warnf("Not counted: %v; %d more since the last such line", err, silent)
	} else {
		log.Warnf("Not counted: %v", err)
	}
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
