package model

import (
	"flag"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// refute checks that rapid finds a run in which a design breaks the promise, in the way
// that its comment describes. The broker rejects the commits of zombies here, which
// does not help.
//
// With -v it searches for a short run and logs it: how the design breaks, step by step.
func refute(t *testing.T, d design, how ...string) {
	t.Helper()
	setFlag(t, "rapid.nofailfile", "true") // it must fail
	setFlag(t, "rapid.shrinktime", "1ms")
	setDefault(t, "rapid.steps", steps)
	found := counterexample(t, d)
	if found == nil {
		t.Fatal("the model finds no counterexample to this design, so finding none to ours proves nothing")
	}
	if !testing.Verbose() {
		found.check(t, how)
		return
	}
	setFlag(t, "rapid.steps", "15")
	setFlag(t, "rapid.shrinktime", "300ms")
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); {
		if other := counterexample(t, d); other != nil && len(*other) < len(*found) {
			found = other
		}
	}
	found.check(t, how)
	t.Logf("how it breaks:%s", found)
}

// counterexample returns the shortest run against a design that rapid derives from the
// first one it finds, or nil.
func counterexample(t *testing.T, d design) *story {
	var last *story // rapid ends with the shortest run
	r := &recorder{T: t}
	rapid.Check(r, func(t *rapid.T) {
		last = new(story)
		run(t, d, true, last)
	})
	if !r.failed {
		return nil
	}
	return last
}

// check fails unless the story ends in one of the expected ways.
func (s *story) check(t *testing.T, how []string) {
	t.Helper()
	verdict := (*s)[len(*s)-1].format
	if !slices.ContainsFunc(how, func(how string) bool { return strings.HasPrefix(verdict, how) }) {
		t.Fatalf("the design is refuted, but not by %q:%s", how, s)
	}
}

// setDefault sets a flag that was not set.
func setDefault(t *testing.T, name, value string) {
	t.Helper()
	if f := flag.Lookup(name); f.Value.String() == f.DefValue {
		setFlag(t, name, value)
	}
}

func setFlag(t *testing.T, name, value string) {
	t.Helper()
	f := flag.Lookup(name)
	before := f.Value.String()
	if err := flag.Set(name, value); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, before) })
}

// recorder records a failure instead of the test.
type recorder struct {
	*testing.T
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }
func (r *recorder) Log(...any)            {}
func (r *recorder) Logf(string, ...any)   {}
func (r *recorder) Failed() bool          { return r.failed }
func (r *recorder) FailNow()              {}

const (
	twice = "TWICE"
	lost  = "LOST"
)

// Fixed blocks of offsets whose count grows with each flush, an obvious way to write
// less: the same key has several values, and the last that arrives wins. A write that
// was in flight too long, from a zombie or from a client that has given up on it,
// replaces a full count by an older, smaller one.
//
// The design gets every help: it counts a block again from its start, and has one write
// per partition in flight.
func TestGrowingBlocksAreRefuted(t *testing.T) {
	const block = 16 // offsets
	p := buildProcessor(t, "emit: windows")
	refute(t, design{
		topics: 1,
		serial: true,
		read: func(t *rapid.T, p *partition, from int64) *reading {
			from = p.records(from, p.end)[0].offset
			start := from - from%block
			next := rapid.Int64Range(from+1, min(start+block, p.end)).Draw(t, "read up to")
			return &reading{partition: p, base: start, from: start, next: next, records: p.records(start, next)}
		},
		write: foldAt(p, nil),
	}, lost)
}

// A stock input with `emit: windows`: a batch is what a fetch happened to return, and
// its first offset is the key. A replay is divided differently: then tweets are in two
// points, or a shorter batch replaces a longer one. So these windows are exact only as
// long as nothing is replayed.
func TestTheStockCutIsRefuted(t *testing.T) {
	p := buildProcessor(t, "emit: windows")
	refute(t, design{
		topics: 1,
		read:   readSome,
		write:  foldAt(p, nil),
	}, twice, lost)
}

// A commit of what has been read but is not acked: if the process is killed or the
// write is lost, it is never read again.
func TestCommitBeforeAckIsRefuted(t *testing.T) {
	d := exact(buildProcessor(t, "message: record_batch"), 1).unlawful()
	d.commitsReads = true
	refute(t, d, lost)
}

// A nack that counts as an ack commits past points that were never stored, as the stock
// Kafka inputs do with auto_retry_nacks: false.
func TestAnIgnoredNackIsRefuted(t *testing.T) {
	d := exact(buildProcessor(t, "message: record_batch"), 1).unlawful()
	d.nackIsAck = true
	refute(t, d, lost)
}

// A nack after which only the failed messages are redelivered, as Benthos does with an
// indexed batch error: the fold of the rest has the key of the whole, and a smaller
// count.
func TestRetryOfAPartIsRefuted(t *testing.T) {
	d := exact(buildProcessor(t, "message: record_batch"), 1).unlawful()
	d.retriesPart = true
	refute(t, d, lost)
}

// A fetch inside a batch that keeps only the records from the offset, as Kafka clients
// do: after a reset to the middle of a batch its points count only the rest of it.
func TestReadingFromInsideABatchIsRefuted(t *testing.T) {
	d := exact(buildProcessor(t, "message: record_batch"), 1).unlawful()
	d.read = func(t *rapid.T, p *partition, from int64) *reading {
		r := readBatch(t, p, from)
		r.from = max(r.from, from)
		r.records = p.records(r.from, r.next)
		return r
	}
	d.write = foldAt(buildProcessor(t, "emit: windows"), nil)
	refute(t, d, lost)
}

// A slot from the offset alone: batches of two partitions that begin at the same offset
// share a key, and one of them is lost without any fault.
func TestSlotWithoutPartitionIsRefuted(t *testing.T) {
	refute(t, otherwiseExact(t, func(_ *rapid.T, _ *worker, o *origin) {
		o.partition = 0
	}), lost)
}

// Two topics whose name is not in the key: as without the partition. That is why
// `identity: timestamp` rejects a second topic.
func TestIgnoredTopicIsRefuted(t *testing.T) {
	d := otherwiseExact(t, func(_ *rapid.T, _ *worker, o *origin) {
		o.topic = "any"
	})
	d.topics = 2
	refute(t, d, lost)
}

// A random slot, so that no two points share one: every replay is counted again.
func TestRandomSlotIsRefuted(t *testing.T) {
	refute(t, otherwiseExact(t, func(t *rapid.T, _ *worker, o *origin) {
		o.offset = rapid.Int64Range(0, 1<<40).Draw(t, "nonce")
	}), twice, lost)
}

// A slot that each process counts up, as clients do that move equal timestamps apart:
// two processes use the same one for different points, and a replay gets another one.
func TestCountedSlotIsRefuted(t *testing.T) {
	refute(t, otherwiseExact(t, func(_ *rapid.T, w *worker, o *origin) {
		o.offset = w.stamped
		w.stamped++
	}), twice, lost)
}

// otherwiseExact returns the exact design, except for the origin of its slots.
func otherwiseExact(t *testing.T, change func(*rapid.T, *worker, *origin)) design {
	return design{topics: 1, read: readBatch, write: foldAt(buildProcessor(t, "emit: windows"), change)}
}

// foldAt folds a reading with the origin of its base, changed or not.
func foldAt(p processor, change func(*rapid.T, *worker, *origin)) func(*rapid.T, *worker, *reading) (points, error) {
	return func(t *rapid.T, w *worker, r *reading) (points, error) {
		o := originOf(r.partition, r.base)
		if change != nil {
			change(t, w, &o)
		}
		return p.foldRecords(o, r.records)
	}
}
