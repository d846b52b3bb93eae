package track

import (
	"errors"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// A partition waits while one of its batches was nacked, or refused by a processor,
// and is redelivered until it is accepted. Its later batches may continue, but it
// must not take the memory that the others need, nor a place in the pipeline for
// thousands of redeliveries.
//
// So a partition that waits fetches no more than its share. What it had in flight
// before is often more: where that leaves the others no room, the partition drops
// all of it and re-reads from its last acknowledged batch, carefully.
const (
	// maxAhead is how many batches a partition may read beyond the first one that
	// is not acknowledged. Each is remembered, acknowledged or not.
	maxAhead = 1 << 17
	// maxWaiting is how many batches of a partition that waits are in flight:
	// each is redelivered once in maxBackoff.
	maxWaiting = 512
	// PatientNacks is how often a batch is nacked before its partition may drop
	// what it has: almost a second, in which others are accepted as a rule.
	PatientNacks = 5
)

// load is what a partition has in flight, from the fetch to the acknowledgement.
type load struct {
	bytes   int64
	batches int
	waiting int       // nacked, and not accepted since
	since   time.Time // when the first of those was nacked
	// carefulTo is how far a partition that dropped its batches had read.
	carefulTo int64
	held      bool // it is not fetched until it has less
}

func (l *load) add(b *Batch) {
	l.bytes += b.Size()
	l.batches++
}

// accepted removes a batch. It must be called with mu held.
func (t *Tracker) accepted(b *Batch) {
	l := &b.partition.load
	l.bytes -= b.Size()
	l.batches--
	if b.nacks > 0 {
		l.waiting--
	}
	if b.partition.step == Stopped {
		Signal(t.ready) // it may have been the last one
	}
	if l.held {
		l.held = false
		t.notify(b.partition)
	}
}

// careful reports whether the partition must keep to its share.
func (p *Partition) careful() bool {
	return p.load.waiting > 0 || p.acked.at.Offset < p.load.carefulTo
}

// share is what a partition that waits may have in flight, of the half of the
// budget that is for fetching. It must be called with mu held.
func (t *Tracker) share() int64 {
	return t.conf.Limit / 2 / int64(max(1, len(t.partitions)))
}

// full reports whether a partition must not be fetched now. It must be called with
// mu held.
func (t *Tracker) full(p *Partition) bool {
	full := len(p.acked.spans) >= maxAhead ||
		p.careful() && p.load.batches > 0 && (p.load.bytes >= t.share() || p.load.batches >= maxWaiting)
	p.load.held = p.load.held || full
	return full
}

// nacked notes that a batch was nacked. It must be called with mu held.
func (t *Tracker) nacked(b *Batch, err error) (n Nacked) {
	p := b.partition
	if p.lost {
		return n
	}
	if b.nacks == 0 {
		if p.load.waiting == 0 {
			p.load.since = time.Now()
		}
		p.load.waiting++
	}
	b.nacks++
	n = Nacked{Nacks: b.nacks, Since: p.load.since, Waiting: p.load.waiting}
	// Where there is no room for what becomes of batches, all partitions wait for
	// the output, and none for something of its own.
	if b.nacks >= PatientNacks && !errors.Is(err, delivery.ErrFull) && t.starves(p) {
		n.Reread, n.From = true, t.reread(p)
	}
	return n
}

// starves reports whether a partition that waits leaves the others no room. It must
// be called with mu held.
func (t *Tracker) starves(p *Partition) bool {
	if len(t.partitions) < 2 || p.step != Fetch || p.acked.at.Offset < p.load.carefulTo {
		return false
	}
	return p.load.waiting > 2*maxWaiting || p.load.bytes > t.share() && t.conf.Budget.Full()
}

// reread puts another partition in the place of p, which begins behind what is
// acknowledged, and drops what p has in flight: its acknowledgements come to
// nothing, as after a rebalance. It must be called with mu held.
func (t *Tracker) reread(p *Partition) (from int64) {
	again := *p
	again.acked = prefix{at: p.acked.at}
	again.next = p.acked.at
	again.load = load{carefulTo: p.next.Offset}
	again.claimed = false
	again.revoked = make(chan struct{})
	again.checkLeader()
	p.lose()
	t.partitions[p.ID] = &again
	t.drop(map[*Partition]bool{p: true})
	t.notify(&again)
	return again.next.Offset
}
