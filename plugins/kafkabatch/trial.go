package kafkabatch

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

const (
	// trialRecords and trialTime bound what is delivered at once while nothing is
	// counted: Benthos considers the input connected for as long.
	trialRecords = 1000
	trialTime    = 10 * time.Millisecond
	// trialPatience is how long to wait for deliveries in flight before the next one is
	// tried: an output may wait for more messages.
	trialPatience = time.Second
)

// trial watches the first deliveries. While the processors report that they count
// nothing of them, the input reports that it is not connected, so that /ready is 503:
// Benthos checks only inputs and outputs. The membership in the group continues, and
// so do the deliveries, a few at a time.
type trial struct {
	counted  atomic.Bool // something was counted: nothing is left to try
	inFlight atomic.Int64

	changed chan struct{} // wakes ReadBatch and Connect

	mu      sync.Mutex
	why     error // nil unless nothing is counted
	refused bool  // and the last delivery was refused: further ones change nothing
	told    bool  // Connect has returned it since
	lines   loglimit.Limiter
	left    int       // records that may be delivered
	until   time.Time // and until when
}

func newTrial() *trial { return &trial{changed: make(chan struct{}, 1)} }

// open reports whether ReadBatch may deliver, or wait for something to deliver.
// Else the input is not connected.
func (t *trial) open(s *session) bool {
	if t.counted.Load() {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.why == nil || t.left > 0 && time.Now().Before(t.until) && s.waiting()
}

// delivers notes that records are delivered.
func (t *trial) delivers(records int) {
	t.inFlight.Add(1)
	if t.counted.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.left -= records
}

// learn notes the verdict on a delivery.
func (t *trial) learn(d *delivery.Delivery, refused bool) {
	t.inFlight.Add(-1)
	if t.counted.Load() {
		return
	}
	defer track.Signal(t.changed)
	counted, why := d.Verdict()
	if !counted && why == nil {
		return // no verdict
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counted.Load() {
		return // by a delivery that was acknowledged at the same time
	}
	t.counted.Store(counted)
	t.why, t.refused, t.told = why, refused, false
	if refused {
		t.left = 0
	}
}

// wait returns when something may be delivered. Before, it fails with the reason
// why nothing is counted: after each delivery that was refused, else now and then.
func (t *trial) wait(ctx context.Context, s *session) error {
	if err := t.complaint(time.Now()); err != nil {
		return err
	}
	patience := time.NewTimer(trialPatience)
	defer patience.Stop()
	patient := true
	for {
		if t.grant(s, patient) {
			return nil
		}
		select {
		case <-t.changed:
		case <-s.tracker.Ready():
		case <-patience.C:
			patient = false
		case <-s.ctx.Done():
			return nil // ReadBatch reports the end
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (t *trial) complaint(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case t.why == nil:
	case t.refused && !t.told:
		t.told = true
		t.lines.Due("", now) // this is the line
		return refused(t.why)
	case !t.refused && t.lines.Due("", now): // the reasons have offsets and numbers in them
		return service.NewErrBackOff(t.why, time.Millisecond)
	}
	return nil
}

// grant reports whether something may be delivered. patient waits for what is in
// flight.
func (t *trial) grant(s *session, patient bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.why == nil {
		return true
	}
	if patient && t.inFlight.Load() > 0 || !s.waiting() {
		return false
	}
	t.left, t.until = trialRecords, time.Now().Add(trialTime)
	return true
}

// waiting reports whether there is a batch to deliver.
func (s *session) waiting() bool {
	fetched, again := s.tracker.Queued()
	return fetched+again > 0
}
