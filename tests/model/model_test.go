package model

import (
	"testing"

	"pgregory.net/rapid"
)

func buildProcessor(t *testing.T, conf string) processor {
	t.Helper()
	p, err := newProcessor(conf)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// steps is the average number of steps of a run before it comes to rest: rapid's 30 are
// too few for a write, a zombie, a commit and a late response to meet.
const steps = "100"

// run lets rapid play against a design, and then lets the system come to rest, twice:
// the second time everything is replayed from a drawn offset.
func run(t *rapid.T, d design, fenced bool, s *story) *machine {
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
	return m
}

// The promise: InfluxDB never holds more than the log, never less than the group has
// committed, and exactly the log at rest, whatever is killed, paused, removed or reset,
// and in whatever order the writes arrive.
//
// It holds even if the broker does not reject the commits of zombies, so the design
// needs no fencing.
func TestThePromiseHolds(t *testing.T) {
	setDefault(t, "rapid.steps", steps)
	setDefault(t, "rapid.checks", "300") // each takes a millisecond
	seen := map[event]int{}
	build := func(conf string) processor { return buildProcessor(t, conf) }
	for name, d := range map[string]design{
		"one fold per record batch, identity timestamp":             exact(build("message: record_batch"), 1),
		"one fold per record batch, identity source":                exact(build("message: record_batch, identity: source"), 2),
		"one point per tweet of record batches":                     exact(build("message: record_batch, emit: tweets, identity: source"), 2),
		"one point per tweet, divided anywhere, identity timestamp": tweets(build("emit: tweets"), 1),
		"one point per tweet, divided anywhere, identity source":    tweets(build("emit: tweets, identity: source"), 2),
	} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				m := run(t, d, rapid.Bool().Draw(t, "fenced"), new(story))
				for e := range m.seen {
					seen[e]++
				}
			})
		})
	}
	if t.Failed() {
		return
	}
	for _, e := range events() {
		t.Logf("in %3d runs %s", seen[e], e)
		if seen[e] == 0 {
			t.Errorf("it never happened that %s", e)
		}
	}
}
