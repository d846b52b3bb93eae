package subpartition

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/perkey"
)

const (
	watchPeriod = time.Second
	// fullPatience is how long reading may wait before the log says why: a full queue is
	// how a slow output pushes back.
	fullPatience = 10 * time.Second
)

// awaitRoom waits until another batch may be read. It reports whether the input is open.
func (in *input) awaitRoom() bool {
	var since time.Time
	for in.ctx.Err() == nil {
		in.mu.Lock()
		short, key := in.sched.Room()
		in.mu.Unlock()
		now := time.Now()
		if short == perkey.None {
			in.metrics.stalled.Set(0)
			return true
		}
		in.metrics.stalled.Set(1)
		if since.IsZero() {
			since = now
		}
		in.sayWhy(short, key, now.Sub(since), now)
		timer := time.NewTimer(watchPeriod)
		select {
		case <-in.room:
		case <-timer.C:
		case <-in.ctx.Done():
		}
		timer.Stop()
	}
	return false
}

// sayWhy logs what reading waits for.
func (in *input) sayWhy(short perkey.Shortage, key string, waits time.Duration, now time.Time) {
	switch {
	case short == perkey.BlockedKey:
		if in.blocked.Due(key, now) {
			in.log.Errorf("Reading has stopped: the key %q has failed %d times, is blocked (on_exhausted: block) and holds %d messages (max_messages_per_key). It is retried every %s; nothing is read until it succeeds", shortKey(key), in.conf.MaxAttempts, in.conf.MaxPerKey, in.conf.maxBackoff)
		}
	case waits >= fullPatience && in.stalled.Due("", now):
		in.mu.Lock()
		st := in.sched.State()
		in.mu.Unlock()
		in.log.Warnf("Nothing was read for %s: %d messages (%d bytes) are held and %d are in flight; %s. One key, %q, holds %d of them; %d keys are blocked, %d wait because of max_ahead", waits.Round(time.Second), st.Messages, st.Bytes, st.InFlight, short, shortKey(st.LargestKey), st.Largest, st.Blocked, st.Behind)
	}
}

// watch sets the gauges.
func (in *input) watch() {
	ticker := time.NewTicker(watchPeriod)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			in.show()
		case <-in.ctx.Done():
			in.show()
			return
		}
	}
}

func (in *input) show() {
	in.mu.Lock()
	st := in.sched.State()
	in.mu.Unlock()
	m := in.metrics
	m.held.Set(int64(st.Messages))
	m.heldBytes.Set(st.Bytes)
	m.childBatches.Set(int64(st.Batches))
	m.inFlight.Set(int64(st.InFlight))
	m.keys.Set(int64(st.Keys))
	m.blockedKeys.Set(int64(st.Blocked))
	m.behindKeys.Set(int64(st.Behind))
	m.largest.Set(int64(st.Largest))
	m.retries.Incr(st.Retries - in.reported.Retries)
	m.overtaken.Incr(st.Overtaken - in.reported.Overtaken)
	m.dropped.Incr(st.Dropped - in.reported.Dropped)
	in.reported = st.Counts
}
