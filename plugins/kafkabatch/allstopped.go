package kafkabatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// allStopped has the input report that it is not connected while all partitions that
// the process has are stopped, so that /ready is 503: otherwise a pipeline that does
// nothing looks healthy. The membership in the group continues.
type allStopped struct {
	mu   sync.Mutex
	told string // the reason that Connect has returned since ReadBatch failed
}

// lost reports whether the input is not connected.
func (a *allStopped) lost(s *session) bool {
	if n, _, _ := s.tracker.AllStopped(); n == 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.told = ""
	return true
}

// wait returns once a partition is not stopped, or there is none. Before, it fails
// with each reason once: Benthos logs it, and shows it at /ready.
func (a *allStopped) wait(ctx context.Context, s *session) error {
	for {
		n, first, why := s.tracker.AllStopped()
		if n == 0 {
			return nil
		}
		text := fmt.Sprintf("partition %d of %s, the only one of this process, is stopped", first.Partition, first.Topic)
		if n > 1 {
			text = fmt.Sprintf("all %d partitions of this process are stopped, the first of them partition %d of %s", n, first.Partition, first.Topic)
		}
		if err := fmt.Errorf("%s: %w", text, why); a.tell(err.Error()) {
			return service.NewErrBackOff(err, time.Millisecond)
		}
		select {
		case <-s.tracker.Ready():
		case <-s.ctx.Done():
			return nil // ReadBatch reports the end
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tell reports whether a reason is another one than the last.
func (a *allStopped) tell(why string) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.told == why {
		return false
	}
	a.told = why
	return true
}
