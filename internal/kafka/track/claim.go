package track

import (
	"cmp"
	"slices"
	"time"
)

// AnyBroker is for steps that need no particular broker.
const AnyBroker int32 = -1

// Claim is the right to do the next step of a partition, which nobody else has until
// it is released. Its methods change nothing once the partition is revoked or
// stopped.
//
// The fields say how the partition was when it was claimed.
type Claim struct {
	*Partition
	step Step // the step that was claimed

	At          Position // where the next fetch begins
	LeaderEpoch int32
	Leader      int32
	Replica     bool // the source is not the leader
	Behind      bool // the log is known to have more

	Commit FetchedCommit
	Fresh  bool   // the group had no commit of the topic
	Former string // see Topic

	// For the next fetch; the holder may change them.
	MaxBytes int32 // to request
	Corrupt  int   // batches in a row that came corrupt
	First    bool  // to be the first in the next request

	turn int64
}

// read must be called with mu held.
func (c *Claim) read(now time.Time) {
	p := c.Partition
	c.step = p.step
	c.At, c.Leader, c.LeaderEpoch = p.next, p.leader, p.leaderEpoch
	c.Replica = p.source(now) != p.leader
	c.Behind = p.endKnown && p.next.Offset < p.end
	c.Commit, c.Fresh, c.Former = p.commit, p.fresh, p.tracker.conf.Topics[p.Topic].former
	c.MaxBytes, c.Corrupt, c.turn = p.maxBytes, p.corrupt, p.turn
}

// Due returns the partitions whose next step is due, for Claim: with Fetch those to
// be fetched at that broker, the ones that waited longest first, since a broker
// fills a response from the front. It also returns how long it is until another one
// is due, if nothing is notified before.
func (t *Tracker) Due(step Step, broker int32, now time.Time) (due []*Claim, wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	wait = time.Minute
	for _, p := range t.partitions {
		if p.step != step || p.claimed {
			continue
		}
		if broker != AnyBroker && p.source(now) != broker {
			if p.leader == broker { // nobody says when the replica's time is over
				wait = min(wait, p.replicaUntil.Sub(now))
			}
			continue
		}
		if step == Epoch && p.leader < 0 {
			continue // until SetLeader
		}
		if left := p.resting.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if step == Fetch && t.full(p) {
			continue
		}
		c := &Claim{Partition: p}
		c.read(now)
		due = append(due, c)
	}
	slices.SortFunc(due, func(a, b *Claim) int {
		if step != Fetch {
			return a.compare(b.ID)
		}
		return cmp.Or(cmp.Compare(a.turn, b.turn), a.compare(b.ID))
	})
	return due, wait
}

// Claim claims those of the due partitions that are still to be had, in the same
// order. Each must be released.
func (t *Tracker) Claim(due []*Claim, now time.Time) []*Claim {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(due, func(c *Claim) bool {
		p := c.Partition
		if p.lost || p.claimed || p.step != c.step {
			return true
		}
		p.claimed = true
		c.read(now)
		return false
	})
}

// Release ends claims and wakes whoever does the next step. It returns the brokers
// that partitions are to be fetched from.
func (t *Tracker) Release(claims []*Claim) (sources map[int32]bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	sources = map[int32]bool{}
	for _, c := range claims {
		p := c.Partition
		p.claimed = false
		p.maxBytes, p.corrupt = c.MaxBytes, c.Corrupt
		if c.First {
			p.turn = 0
		}
		p.checkLeader()
		if source := p.source(now); p.step == Fetch && !p.lost && source >= 0 {
			sources[source] = true
		}
		t.notify(p)
	}
	return sources
}

// update runs f with mu held, unless the partition is revoked, or has another step
// by now.
func (c *Claim) update(f func(p *Partition)) bool {
	p := c.Partition
	return p.tracker.update(p, func() bool {
		if p.step != c.step {
			return false
		}
		f(p)
		return true
	})
}

// Current reports whether the claimed step is still to be done.
func (c *Claim) Current() bool { return c.update(func(*Partition) {}) }

// Begin sets where a partition starts that has not begun. With announced the group
// has a commit already that announces this; clean says that no member before may
// have delivered batches beyond the position.
func (c *Claim) Begin(at Position, announced, clean bool) bool {
	return c.update(func(p *Partition) {
		if clean {
			p.maybeEmittedBelow = 0
		}
		p.begin(at)
		p.announced = announced
	})
}

// Started ends the step Start. A partition whose beginning is not committed pauses:
// after a crash a commit must say whose points may be there.
func (c *Claim) Started(now time.Time) {
	c.update(func(p *Partition) {
		switch {
		case !p.announced:
			p.pause(now)
		case p.next.Epoch >= 0:
			p.step, p.failures = Epoch, 0
		default:
			p.step, p.failures = Fetch, 0
		}
	})
}

// Fetchable ends the steps Epoch and Range.
func (c *Claim) Fetchable() bool {
	return c.update(func(p *Partition) { p.step, p.failures = Fetch, 0 })
}

// FetchableAfter is Fetchable after a pause, for a broker that contradicts itself.
func (c *Claim) FetchableAfter(now time.Time) (failures int) {
	c.update(func(p *Partition) {
		p.step = Fetch
		p.pause(now)
		failures = p.failures
	})
	return failures
}

// FetchableFrom is Fetchable where the records before at are lost.
func (c *Claim) FetchableFrom(at Position) bool {
	return c.update(func(p *Partition) {
		p.next = at
		p.acked.skip(at)
		p.step, p.failures = Fetch, 0
	})
}

// Responded notes what a response says of the partition: where the log ends, how far
// it can be read (-1 if the broker does not say), and whether there are batches in it.
func (c *Claim) Responded(highWatermark, lastStable int64, batches bool) {
	c.update(func(p *Partition) {
		p.failures = 0
		p.end, p.endKnown = highWatermark, true
		if lastStable >= 0 {
			p.end = min(p.end, lastStable)
		}
		p.noteEnd(p.end)
		if p.maybeEmittedBelow == unknown {
			p.maybeEmittedBelow = max(highWatermark, p.leaderHighWatermark)
		}
		if batches {
			p.tracker.turns++
			p.turn = p.tracker.turns
		}
	})
}

// OutOfRange ends the fetches of an offset that the log does not have.
func (c *Claim) OutOfRange() bool { return c.update(func(p *Partition) { p.step = Range }) }

// ReadFrom makes a replica the source for a while. highWatermark is the leader's: a
// member before may have read up to there, and the replica may be behind.
func (c *Claim) ReadFrom(replica int32, until time.Time, highWatermark int64) {
	c.update(func(p *Partition) {
		p.replica, p.replicaUntil = replica, until
		p.leaderHighWatermark = highWatermark
	})
}

// ReadFromLeader makes the leader the source.
func (c *Claim) ReadFromLeader() { c.update(func(p *Partition) { p.replica = -1 }) }

// Full reports whether the partition must not be fetched further now.
func (c *Claim) Full() bool {
	full := false
	c.update(func(p *Partition) { full = p.tracker.full(p) })
	return full
}

// Enqueue queues a fetched batch that ends at end, to be delivered, and charges its
// size. It reports whether the partition is still to be fetched; if not, the batch
// is dropped.
func (c *Claim) Enqueue(b *Batch, end Position) bool {
	return c.update(func(p *Partition) {
		t := p.tracker
		t.conf.Budget.Charge(b.Size())
		b.partition = p
		b.number = p.acked.add(end)
		p.load.add(b)
		t.fetched = append(t.fetched, b)
		p.next = end
		Signal(t.ready)
	})
}

// Skip passes over a part of the log that has nothing to deliver.
func (c *Claim) Skip(end Position) bool {
	return c.update(func(p *Partition) {
		p.acked.skip(end)
		p.next = end
	})
}
