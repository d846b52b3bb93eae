package model

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/stamp"
)

// partitions is the max_partitions of the model's configurations.
const partitions = 64

func buildProcessor(t *testing.T, conf string) processor {
	t.Helper()
	p, err := newProcessor(conf)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// foldBySecond is `emit: windows` with `identity: timestamp`: one topic.
func foldBySecond(t *testing.T) batchFold {
	t.Helper()
	law, err := stamp.New(time.Second, partitions)
	if err != nil {
		t.Fatal(err)
	}
	return batchFold{processor: buildProcessor(t, "identity: timestamp"), law: law, topics: 1}
}

// foldBySource is `emit: windows` with `identity: source`: any topics.
func foldBySource(t *testing.T) batchFold {
	t.Helper()
	law, err := stamp.NewSource(time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return batchFold{processor: buildProcessor(t, "identity: source"), law: law, source: true, topics: 2}
}

// steps is how many a run takes before it comes to rest, on average: rapid's 30
// are too few for a write, a zombie, a commit and a late answer to meet.
const steps = "100"

// run lets rapid play against a design, and then lets the system come to rest,
// twice: the second time all is read again from a drawn offset on.
func run(t *rapid.T, d design, fenced bool, s *story) {
	m := newMachine(t, d, fenced, s)
	s.step("the log begins")
	for _, p := range m.log.partitions {
		for _, b := range p.batches {
			s.add("; %s gets %s", p, b)
		}
	}
	t.Repeat(m.actions())
	m.rest(t)
	m.empty(true)
	for i, p := range m.log.partitions {
		to := p.start
		if i == 0 {
			to = rapid.Int64Range(p.start, p.end).Draw(t, "offset")
		}
		m.group.committed[i] = to
		s.add("; the group's offset of %s is reset to %d", p, to)
	}
	m.check(t)
	m.rest(t)
}

// The promise: what InfluxDB holds is never above the log, never below what the
// group has committed, and equal to the log at rest, whoever is killed, paused,
// thrown out or reset, and in whatever order the writes arrive.
//
// It holds even where the broker does not refuse the commits of zombies: that is
// why the design needs no fencing.
func TestThePromiseHolds(t *testing.T) {
	setFlag(t, "rapid.steps", steps)
	for name, d := range map[string]design{
		"a fold a RecordBatch, identity timestamp":     exact(foldBySecond(t)),
		"a fold a RecordBatch, identity source":        exact(foldBySource(t)),
		"a point a tweet, any cut, identity timestamp": tweets(buildProcessor(t, "emit: tweets, identity: timestamp"), 1),
		"a point a tweet, any cut, identity source":    tweets(buildProcessor(t, "emit: tweets, identity: source"), 2),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				run(t, d, rapid.Bool().Draw(t, "fenced"), new(story))
			})
		})
	}
}
