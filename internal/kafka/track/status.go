package track

import "time"

// Status is how a partition is.
type Status struct {
	ID
	Step    Step
	Claimed bool
	Stopped error // why, if the step is Stopped

	Next, Acked int64 // offsets of the next fetch, and after what is acknowledged

	// InFlight is what is fetched and not acknowledged, Waiting how many of its batches
	// are nacked and not accepted since.
	InFlight, Waiting int
	InFlightBytes     int64

	LagKnown bool
	Lag      int64         // offsets between what is acknowledged and the end
	LagTime  time.Duration // how long ago the oldest record batch that is not acknowledged was written, as far as can be known
}

// Status returns the partitions in a fixed order, and notes which have no lag now.
func (t *Tracker) Status(now time.Time) []Status {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Status
	for _, p := range t.held() {
		s := Status{
			ID: p.ID, Step: p.step, Claimed: p.claimed, Stopped: p.stopped,
			Next: p.next.Offset, Acked: p.acked.at.Offset,
			InFlight: p.load.batches, Waiting: p.load.waiting, InFlightBytes: p.load.bytes,
		}
		s.Lag, s.LagKnown = p.lag()
		s.LagTime = p.lagTime(now)
		all = append(all, s)
	}
	return all
}

// AllStopped returns how many partitions there are and why the first one is stopped,
// if all are stopped and nothing of them is in flight any more. Otherwise it returns 0.
func (t *Tracker) AllStopped() (partitions int, first ID, why error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, p := range t.partitions { // not sorted: ReadBatch asks each time that nothing is queued
		if p.step != Stopped || p.load.batches > 0 {
			return 0, ID{}, nil
		}
		if partitions++; partitions == 1 || id.compare(first) < 0 {
			first, why = id, p.stopped
		}
	}
	return partitions, first, why
}

// NoteEnd notes where the log ends, as far as it can be read. Responses that say so
// may overtake each other.
func (p *Partition) NoteEnd(end int64) {
	p.tracker.update(p, func() bool {
		p.noteEnd(end)
		return true
	})
}

func (p *Partition) noteEnd(end int64) {
	p.logEnd, p.logEndKnown = max(p.logEnd, end), true
}

// lag returns how many offsets are between what is acknowledged and the end, if that
// is known.
func (p *Partition) lag() (int64, bool) {
	if !p.logEndKnown || !p.begun {
		return 0, false
	}
	return max(0, p.logEnd-p.acked.at.Offset), true
}

// lagTime returns how long ago the oldest record batch that is not acknowledged was
// written, as far as can be known, 0 without lag.
func (p *Partition) lagTime(now time.Time) time.Duration {
	switch lag, ok := p.lag(); {
	case !ok:
		return 0
	case lag == 0:
		p.caughtUp = now
		return 0
	}
	return max(0, now.Sub(p.oldest()))
}

// oldest is about when the oldest record batch that is not acknowledged was
// written. Of one that is not fetched that is not known: it came after the last one
// that is acknowledged was written, and after there was no lag last. Where neither
// is known, it has waited since the partition came at least.
func (p *Partition) oldest() time.Time {
	if len(p.acked.spans) > 0 {
		return time.UnixMilli(p.acked.spans[0].end.Time)
	}
	oldest := p.caughtUp
	if written := time.UnixMilli(p.acked.at.Time); p.acked.at.Time >= 0 && written.After(oldest) {
		oldest = written
	}
	if oldest.IsZero() {
		return p.came
	}
	return oldest
}
