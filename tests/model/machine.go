// Package model tests the project's promise against an adversary: InfluxDB holds what
// Kafka holds, whatever is killed, paused, restarted, removed from the group or reset,
// and in whatever order writes and commits arrive. No server runs: log, group, network
// and InfluxDB are a few lines each, and only the points come from the real processor.
// So thousands of orders are tested per second, including unlikely ones.
//
//	log.go       the content of Kafka: partitions of record batches
//	group.go     the state of the broker: generations, owners, committed offsets
//	worker.go    the beliefs of a process: its partitions, what is acked
//	influx.go    the last write of a key wins; requests in flight
//	fold.go      the real sentiment_window
//	designs.go   how the log is divided, and what is written
//	machine.go   all of these in one state, and the steps
//	members.go   steps of processes and of the group
//	writes.go    steps of reading, writing and committing
//	promise.go   what must hold after each step, and at rest
//
// controls_test.go runs designs that break the promise in the same machine, each with
// the reason: `go test -v -run Refuted ./tests/model` shows how, step by step.
package model

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// machine is the whole system in one state. rapid chooses its steps and plays the
// adversary: time-outs, crashes and delays are all just an order.
type machine struct {
	design   design
	log      *log
	group    group
	workers  []*worker // all there ever were
	influx   influx
	requests []*request     // in flight
	commits  []commit       // in flight
	right    map[key]string // what the law gives each key
	lawful   [][]points     // by partition and batch
	sent     int
	seen     map[event]bool
	story    *story
}

// story is the description of what happened. Its text is created on demand.
type story []step

type step struct {
	format string
	args   []any
	same   bool // it belongs to the step before
}

func (s *story) step(format string, args ...any) { *s = append(*s, step{format, args, false}) }

func (s *story) add(format string, args ...any) { *s = append(*s, step{format, args, true}) }

func (s *story) String() string {
	var b strings.Builder
	n := 0
	for _, step := range *s {
		if !step.same {
			n++
			fmt.Fprintf(&b, "\n%3d. ", n)
		}
		fmt.Fprintf(&b, step.format, step.args...)
	}
	return b.String()
}

func newMachine(t *rapid.T, d design, fenced bool, s *story) *machine {
	m := &machine{design: d, log: drawLog(t, d.topics), story: s, seen: map[event]bool{}}
	m.influx.stored = map[key]point{}
	m.right = map[key]string{}
	m.group.fenced = fenced
	m.lawful = make([][]points, len(m.log.partitions))
	m.group.owners = make([]*worker, len(m.log.partitions))
	for _, p := range m.log.partitions {
		m.group.committed = append(m.group.committed, p.start)
		for _, b := range p.batches {
			m.learnLaw(t, p, b)
		}
	}
	return m
}

// actions are the steps, each as often as it has names: mostly the system works
// normally, so that there is something to break.
func (m *machine) actions() map[string]func(*rapid.T) {
	actions := map[string]func(*rapid.T){"": m.check}
	for _, a := range []struct {
		name   string
		often  int
		action func(*rapid.T)
	}{
		{"append", 4, m.appendBatch},
		{"read", 6, m.read},
		{"deliver", 6, m.deliver},
		{"commit", 4, m.commit},
		{"join", 2, m.join},
		{"unrest", 1, m.unrest},
		{"resend", 1, m.resend},
		{"nack", 2, m.nack},
		{"lose a write", 1, m.loseWrite},
		{"late commit", 1, m.lateCommit},
	} {
		for i := range a.often {
			actions[fmt.Sprint(a.name, " ", i)] = a.action
		}
	}
	return actions
}

// maxUncommitted is the most batches that wait: with more, the steps that work on them
// would be rare.
const maxUncommitted = 6

func (m *machine) appendBatch(t *rapid.T) {
	waiting := 0
	for i, p := range m.log.partitions {
		for _, b := range p.batches {
			if b.last >= m.group.committed[i] {
				waiting++
			}
		}
	}
	if waiting > maxUncommitted {
		return // and no t.Skip, so that there is always a possible step
	}
	p := draw(t, "partition", m.log.partitions)
	b := p.append(t)
	m.story.step("%s gets %s", p, b)
	m.learnLaw(t, p, b)
}

// learnLaw records what InfluxDB must hold of a batch. Two batches that share a key
// break the law by themselves.
func (m *machine) learnLaw(t *rapid.T, p *partition, b batch) {
	if m.design.law == nil {
		return
	}
	lawful, err := m.design.law(p, b)
	if err != nil {
		t.Fatal(err)
	}
	m.lawful[p.index] = append(m.lawful[p.index], lawful)
	for _, point := range lawful {
		if _, taken := m.right[point.key]; taken {
			m.fail(t, "two batches share the key of %s", point)
		}
		m.right[point.key] = point.fields
	}
}

// event is a rare event that the adversary exists for.
type event string

const (
	zombieStored  event = "the write of a zombie is stored while another owns the partition"
	deadStored    event = "the write of a killed process is stored"
	lateStored    event = "a write is stored after the group has committed past it"
	copyStored    event = "a write is stored again"
	partStored    event = "a part of a write is stored"
	commitBack    event = "a late commit sets the group back"
	commitRefused event = "the commit of an old generation is rejected"
	commitOld     event = "the commit of an old generation is accepted"
	resetInside   event = "offsets are reset to the middle of a batch"
)

// events returns all events.
func events() []event {
	return []event{
		zombieStored, deadStored, lateStored, copyStored, partStored,
		commitBack, commitRefused, commitOld, resetInside,
	}
}

// fail ends the run with its story.
func (m *machine) fail(t *rapid.T, format string, args ...any) {
	m.story.step(format, args...)
	t.Log(m.story)
	t.Fatalf(format, args...)
}

// draw picks one of several, or the first if that fails.
func draw[T any](t *rapid.T, what string, from []T) T {
	return from[rapid.IntRange(0, len(from)-1).Draw(t, what)]
}

// chance returns true once in n times.
func chance(t *rapid.T, n int, what string) bool {
	return rapid.IntRange(0, n-1).Draw(t, what) == n-1
}
