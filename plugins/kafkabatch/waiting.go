package kafkabatch

import (
	"errors"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// A partition waits while one of its batches was nacked, or refused by a
// processor, and is redelivered until it is accepted. Its later batches may go on,
// but it must not take the memory that the others need, nor a place in the
// pipeline for thousands of redeliveries.
//
// So a partition that waits fetches no more than its share. What it had in flight
// before is often more: where that leaves the others no room, the partition drops
// all of it and reads on from its last acknowledged batch, carefully.
const (
	// maxAhead is how many batches a partition may read beyond the first one that
	// is not acknowledged. Each is remembered, acknowledged or not.
	maxAhead = 1 << 17
	// maxWaiting is how many batches of a partition that waits are in flight:
	// each is redelivered once in maxBackoff.
	maxWaiting = 512
	// patientNacks is how often a batch is nacked before its partition may drop
	// what it has: almost a second, in which others are accepted as a rule.
	patientNacks = 5
)

// load is what a partition has in flight, from the fetch to the acknowledgement.
type load struct {
	bytes   int64
	batches int
	waiting int       // nacked, and not accepted since
	since   time.Time // when the first of those was nacked
	// carefulTo is where a partition that has dropped what it had had come to.
	carefulTo int64
	held      bool // it was not fetched, until it has less
	grumble   grumble
}

func (l *load) add(b *batch) {
	l.bytes += b.size()
	l.batches++
}

// accepted takes a batch out. mu must be held.
func (s *session) accepted(b *batch) {
	l := &b.partition.load
	l.bytes -= b.size()
	l.batches--
	if b.nacks > 0 {
		l.waiting--
	}
	if l.held {
		l.held = false
		s.wakeFetchers()
	}
}

// careful reports whether the partition must keep to its share.
func (p *partition) careful() bool {
	return p.load.waiting > 0 || p.acked.at.offset < p.load.carefulTo
}

// share is what a partition that waits may have in flight, of the half of the
// budget that is for fetching. mu must be held.
func (s *session) share() int64 {
	return s.conf.maxInFlightBytes / 2 / int64(max(1, len(s.partitions)))
}

// full reports whether a partition must not be fetched now. mu must be held.
func (s *session) full(p *partition) bool {
	full := len(p.acked.spans) >= maxAhead ||
		p.careful() && p.load.batches > 0 && (p.load.bytes >= s.share() || p.load.batches >= maxWaiting)
	p.load.held = p.load.held || full
	return full
}

// waits notes that a batch was nacked, and says so where it lasts. mu must be held.
func (s *session) waits(b *batch, err error) {
	p := b.partition
	if p.lost {
		return
	}
	now := time.Now()
	if b.nacks == 0 {
		if p.load.waiting == 0 {
			p.load.since = now
		}
		p.load.waiting++
	}
	b.nacks++
	if b.nacks < patientNacks {
		return
	}
	// One line for the partition, whatever its batches wait for: their errors differ,
	// and each of them comes back within seconds.
	if p.load.grumble.due("", now) {
		s.logAt(p, b.header.BaseOffset).Warnf("Partition %d of %s waits at offset %d: its record batch is redelivered until it is accepted, since %s, with %d others of the partition: %v",
			p.partition, p.topic, b.header.BaseOffset, p.load.since.UTC().Format(time.TimeOnly+"Z"), p.load.waiting-1, err)
	}
	// Where there is no room for what becomes of batches, all partitions wait for
	// the output, and none for something of its own.
	if !errors.Is(err, delivery.ErrFull) && s.starves(p) {
		s.readAgain(p)
	}
}

// starves reports whether a partition that waits leaves the others no room.
// mu must be held.
func (s *session) starves(p *partition) bool {
	if len(s.partitions) < 2 || p.phase != phaseFetch || p.acked.at.offset < p.load.carefulTo {
		return false
	}
	return p.load.waiting > 2*maxWaiting || p.load.bytes > s.share() && s.budget.Full()
}

// readAgain puts another partition in the place of p, which begins behind what is
// acknowledged, and drops what p has in flight: its acknowledgements come to
// nothing, as after a rebalance. mu must be held.
func (s *session) readAgain(p *partition) {
	again := *p
	again.acked = prefix{at: p.acked.at}
	again.next = p.acked.at
	again.load = load{carefulTo: p.next.offset, grumble: p.load.grumble}
	again.busy = false
	p.lost = true
	s.partitions[p.topicPartition] = &again
	gone := map[*partition]bool{p: true}
	s.queue = s.drop(s.queue, gone)
	s.again = s.drop(s.again, gone)
	s.logAt(p, again.next.offset).Debugf("Partition %d of %s waits and leaves the others no room: it is read again from offset %d on", p.partition, p.topic, again.next.offset)
	s.wakeFetchers()
}
