package kafkabatch

import (
	"math"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// topicPartition names a partition.
type topicPartition struct {
	topic     string
	partition int32
}

// phase is what a partition needs next.
type phase int

const (
	phaseStart phase = iota // its first offset, and a commit that says that this input begins
	phaseEpoch              // whether a new leader still has what was read from the one before
	phaseRange              // what became of an offset that the log does not have
	phaseFetch              // batches
	phaseStop               // an operator: stopped says why
)

// partition is what the group has given to this member, until it takes it away.
// session.mu guards it.
type partition struct {
	topicPartition
	topicID [16]byte // zero where the brokers know no ids
	commit  fetchedCommit
	fresh   bool // the group had no commit of the topic when the partition came

	phase   phase
	stopped error
	busy    bool // in a request, so that nobody else may change next
	lost    bool // the group has taken it away: nothing of it is committed any more

	load   load
	next   position // where the next fetch begins
	acked  prefix
	handed int64 // offset after the last batch that was handed on
	// unsure is the offset below which batches may have been handed on by
	// members before this one, whose points a commit must not forget.
	unsure    int64
	committed int64 // as far as this member knows, -1 for none
	marked    bool  // a commit says that batches beyond it may be handed on

	leader, leaderEpoch int32
	recheck             bool  // the leader changed while the partition was busy
	replica             int32 // to read from instead of the leader, -1 for none
	replicaUntil        time.Time
	maxBytes            int32 // to ask for
	turn                int64 // of the fetch that last brought something

	rest     time.Time // before it no request
	failures int       // one after the other
	corrupt  int       // batches that came corrupt, one after the other
	grumble  grumble

	// end is that of the log, as far as it can be read, as the last fetch says.
	end      int64
	endKnown bool
	// logEnd is the furthest end that any answer of a broker says.
	logEnd      int64
	logEndKnown bool
	begun       bool      // acked has a position
	came        time.Time // to this member
	caughtUp    time.Time // when there was no lag last, zero for never
}

// fetchedCommit is what the group held when the partition came to this member.
type fetchedCommit struct {
	offset   int64 // -1 for none
	epoch    int32
	metadata string
}

// unknown is an offset above all others.
const unknown = math.MaxInt64

func newPartition(name topicPartition, commit fetchedCommit) *partition {
	return &partition{
		topicPartition: name,
		commit:         commit,
		unsure:         unknown,
		committed:      commit.offset,
		leader:         -1,
		leaderEpoch:    -1,
		replica:        -1,
	}
}

// begin sets where the partition starts.
func (p *partition) begin(at position) {
	p.next, p.acked, p.handed, p.begun = at, prefix{at: at}, at.offset, true
}

// started tells whether there is a position that could be committed.
func (p *partition) started() bool { return p.marked }

// committable returns where the partition may be committed: everything before it is
// acknowledged, and so stored.
func (p *partition) committable() position { return p.acked.at }

// clean tells that nothing beyond what is acknowledged was ever handed on.
func (p *partition) clean() bool {
	return p.acked.at.offset >= p.handed && p.acked.at.offset >= p.unsure
}

// source is the broker to fetch from.
func (p *partition) source(now time.Time) int32 {
	if p.replica >= 0 && now.Before(p.replicaUntil) {
		return p.replica
	}
	return p.leader
}

const (
	minRest = 100 * time.Millisecond
	maxRest = 5 * time.Second
)

// pause lets a partition rest after a failure, the longer the more there were.
func (p *partition) pause(now time.Time) {
	p.rest = now.Add(min(minRest<<min(p.failures, 10), maxRest))
	p.failures++
}

// batch is a RecordBatch from its fetch to its acknowledgement.
type batch struct {
	partition *partition
	number    int64 // in the partition's prefix
	header    recordbatch.Header
	// bytes are as in the log, with emit: records uncompressed. They are in memory
	// of their own, which is never used again: Benthos has components that keep a
	// message without a copy, or are still writing it when it is acknowledged.
	bytes   []byte
	becomes int64 // bytes of the messages of its records, besides its own
	nacks   int
}

// size is what the batch is charged with until it is acknowledged.
func (b *batch) size() int64 { return int64(len(b.bytes)) + messageBytes }

// messageBytes is about what a message takes, with its metadata and what is kept
// of the batch, besides its content.
const messageBytes = 1 << 10

// grumble keeps a complaint that repeats from filling the log.
type grumble struct {
	text string
	at   time.Time
}

const grumblePeriod = time.Minute

// due tells whether to log text now.
func (g *grumble) due(text string, now time.Time) bool {
	if text == g.text && now.Sub(g.at) < grumblePeriod {
		return false
	}
	g.text, g.at = text, now
	return true
}
