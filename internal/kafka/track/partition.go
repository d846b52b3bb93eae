package track

import (
	"math"
	"time"
)

// Step is what a partition needs next.
type Step int

// The steps. The holder of a claim changes them. Without one, Stop does, and SetLeader
// and Nack do for a partition that nobody has claimed.
const (
	Start   Step = iota // its first offset, and a commit that announces that this member begins
	Epoch               // whether a new leader still has what was read from the one before
	Range               // what became of an offset that the log does not have
	Fetch               // batches
	Stopped             // an operator: Status.Stopped says why
)

// Partition is what the group has given to this member, until it is revoked.
type Partition struct {
	ID
	TopicID [16]byte // zero where the brokers know no ids

	// revoked is closed when the partition is lost.
	revoked chan struct{}

	// tracker.mu guards all below.
	tracker *Tracker
	commit  FetchedCommit
	fresh   bool // the group had no commit of the topic when the partition came

	step    Step
	stopped error
	claimed bool // somebody does the next step, so that nobody else may
	lost    bool // revoked: nothing of it is delivered or committed any more

	load      load
	next      Position // where the next fetch begins
	acked     prefix
	delivered int64 // offset after the last batch that was delivered
	// maybeEmittedBelow is the offset below which batches may have been delivered by
	// members before this one, whose points a commit must not forget.
	maybeEmittedBelow int64
	committed         int64 // as far as this member knows, -1 for none
	announced         bool  // a commit says that batches beyond it may be delivered

	leader, leaderEpoch int32
	recheck             bool  // the leader changed during another step, so that Epoch follows it
	replica             int32 // to read from instead of the leader, -1 for none
	replicaUntil        time.Time
	leaderHighWatermark int64 // as the leader said when it named the replica
	maxBytes            int32 // to request
	corrupt             int   // batches in a row that came corrupt
	turn                int64 // of the fetch that last brought something

	resting  time.Time // no request until then
	failures int       // in a row

	// end is that of the log, as far as it can be read, as the last fetch says.
	end      int64
	endKnown bool
	// logEnd is the furthest end that any response of a broker says.
	logEnd      int64
	logEndKnown bool
	begun       bool      // acked has a position
	came        time.Time // to this member
	caughtUp    time.Time // when there was no lag last, zero for never
}

// unknown is an offset above all others.
const unknown = math.MaxInt64

// Revoked is closed when nothing of the partition is committed any more, because another
// member has it, or it is read again from its last acknowledged batch.
func (p *Partition) Revoked() <-chan struct{} { return p.revoked }

// lose must be called with mu held, once.
func (p *Partition) lose() {
	p.lost = true
	close(p.revoked)
}

func (t *Tracker) newPartition(id ID, topicID [16]byte, commit FetchedCommit) *Partition {
	return &Partition{
		ID:                id,
		TopicID:           topicID,
		revoked:           make(chan struct{}),
		tracker:           t,
		commit:            commit,
		maybeEmittedBelow: unknown,
		committed:         commit.Offset,
		leader:            -1,
		leaderEpoch:       -1,
		replica:           -1,
		maxBytes:          t.conf.PartitionMaxBytes,
	}
}

// begin sets where the partition starts.
func (p *Partition) begin(at Position) {
	p.next, p.acked, p.delivered, p.begun = at, prefix{at: at}, at.Offset, true
}

// clean reports whether nothing beyond what is acknowledged was ever delivered.
func (p *Partition) clean() bool {
	return p.acked.at.Offset >= p.delivered && p.acked.at.Offset >= p.maybeEmittedBelow
}

// source is the broker to fetch from.
func (p *Partition) source(now time.Time) int32 {
	if p.replica >= 0 && now.Before(p.replicaUntil) {
		return p.replica
	}
	return p.leader
}

const (
	minRest = 100 * time.Millisecond
	maxRest = 5 * time.Second
)

// pause lets the partition rest after a failure, the longer the more there were.
func (p *Partition) pause(now time.Time) {
	p.resting = now.Add(min(minRest<<min(p.failures, 10), maxRest))
	p.failures++
}

// Stop stops the partition until an operator has decided. It reports whether this
// call did: of several reasons the first one is kept.
func (p *Partition) Stop(err error) bool {
	return p.tracker.update(p, func() bool {
		if p.step == Stopped {
			return false
		}
		p.step, p.stopped = Stopped, err
		Signal(p.tracker.ready)
		return true
	})
}

// Pause lets the partition rest, the longer the more pauses come in a row. It returns
// how many those are, this one included, or 0 if the partition is stopped or revoked.
func (p *Partition) Pause(now time.Time) (failures int) {
	p.tracker.update(p, func() bool {
		if p.step != Stopped {
			p.pause(now)
			failures = p.failures
		}
		return true
	})
	return failures
}

// Next returns the offset of the next fetch.
func (p *Partition) Next() int64 {
	var next int64
	p.tracker.look(func() { next = p.next.Offset })
	return next
}

// SetLeader sets the leader, in its epoch, unless that epoch is older than the one
// that is known. If the epoch is newer, the next step is to compare the logs.
func (p *Partition) SetLeader(leader, epoch int32) (accepted bool) {
	return p.tracker.update(p, func() bool {
		if epoch >= 0 && epoch < p.leaderEpoch {
			return false
		}
		if epoch > p.leaderEpoch && p.leaderEpoch >= 0 {
			switch {
			case p.claimed, p.step == Range:
				p.recheck = true // when the claimed step is done
			case p.step == Fetch && p.next.Epoch >= 0:
				p.step = Epoch
			}
		}
		p.leader, p.leaderEpoch = leader, epoch
		p.tracker.notify(p)
		return true
	})
}

// checkLeader makes Epoch the next step, if the leader changed during one that led to
// Fetch. It must be called with mu held.
func (p *Partition) checkLeader() {
	if p.recheck && p.step == Fetch && p.next.Epoch >= 0 {
		p.step = Epoch
	}
	p.recheck = p.recheck && p.step == Range
}

// NoLeader says that the partition has no leader now.
func (p *Partition) NoLeader() {
	p.tracker.update(p, func() bool {
		p.leader = -1
		return true
	})
}

// look runs f with mu held.
func (t *Tracker) look(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// update runs f with mu held, unless the partition is lost: then it returns false.
// The methods of Partition and Claim change a partition through it, so that none does
// after a revoke.
func (t *Tracker) update(p *Partition, f func() bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !p.lost && f()
}
