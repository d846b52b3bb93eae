package producebench_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
)

// compare has the writers write in turn, in each round another one first, and prints a
// table. A run that fails is repeated once. A writer that fails again is left out, with
// the reason. The rows are in the order of the writers.
func (b *bench) compare(title string, base run, writers []writer) []*rounds.Row {
	b.Helper()
	var rows []*rounds.Row
	for _, w := range writers {
		rows = append(rows, &rounds.Row{Name: w.name})
	}
	before := load()
	var leftOut []string
	for round := range b.rounds {
		for i := range writers {
			at := (i + round) % len(writers)
			if rows[at] == nil {
				continue
			}
			reading, err := b.runOnce(title, round, base, writers[at])
			if err != nil {
				reading, err = b.runOnce(title, round, base, writers[at])
			}
			if err != nil {
				leftOut = append(leftOut, fmt.Sprintf("%s, which failed twice in round %d: %v", writers[at].name, round+1, err))
				rows[at] = nil
				continue
			}
			rows[at].Readings = append(rows[at].Readings, reading)
		}
	}
	rows = slices.DeleteFunc(rows, func(row *rounds.Row) bool { return row == nil })
	b.log.printf("\n%s\nmedians of %d rounds, load average %s before, %s after\n", title, b.rounds, before, load())
	if len(rows) > 0 {
		b.log.printf("%s", table(writers[0].name, rows))
	}
	for _, w := range writers {
		if w.percent != 100 {
			b.log.printf("%s writes %s tweets per run, not %s\n", w.name, grouped(base.tweets*w.percent/100), grouped(base.tweets))
		}
	}
	for _, reason := range leftOut {
		b.log.printf("left out: %s\n", reason)
	}
	if len(leftOut) > 0 {
		b.Errorf("left out: %s", strings.Join(leftOut, "; "))
	}
	return rows
}

// runOnce measures one run into a topic of its own.
func (b *bench) runOnce(title string, round int, r run, w writer) (reading rounds.Reading, err error) {
	b.Helper()
	topic, drop := b.broker.topic(b.B, r.partitions, nil)
	defer drop()
	ports, err := process.FreePorts(1)
	if err != nil {
		b.Fatal(err)
	}
	r.broker, r.topic, r.dir = b.broker.Brokers[0], topic, b.TempDir()
	r.address = fmt.Sprintf("127.0.0.1:%d", ports[0])
	r.tweets = max(1, r.tweets*w.percent/100)
	written := b.broker.ends(topic, r.partitions)
	if w.written != nil {
		written = w.written(r)
	}
	reading, err = measure(b.Context(), w.command(b, r), b.broker.PID(), r.tweets, written)
	e := entry{Job: b.job, Case: title, Writer: w.name, Round: round + 1, Tweets: r.tweets}
	if err != nil {
		e.Error = err.Error()
	} else {
		e.Reading = &reading
	}
	b.log.record(e)
	return reading, err
}

// against returns a goal for the rate of a row compared with another.
func against(rows []*rounds.Row, ours, other string, atLeast float64) goal {
	g := goal{what: "times the tweets/s of " + other, limit: atLeast}
	our, their := rowOf(rows, ours), rowOf(rows, other)
	if our == nil || their == nil {
		g.unknown = "not measured"
		return g
	}
	g.figure, _ = our.Against(*their)
	return g
}

// cpuAgainst is against for the CPU.
func cpuAgainst(rows []*rounds.Row, ours, other string, atMost float64) goal {
	g := goal{what: "times the CPU of " + other, limit: atMost, atMost: true}
	our, their := rowOf(rows, ours), rowOf(rows, other)
	if our == nil || their == nil {
		g.unknown = "not measured"
		return g
	}
	_, g.figure = our.Against(*their)
	return g
}

func cpuOfRow(rows []*rounds.Row, ours string, atMost float64) goal {
	g := goal{what: "CPU seconds per million tweets", limit: atMost, atMost: true}
	if row := rowOf(rows, ours); row != nil {
		g.figure = row.Median().CPU
	} else {
		g.unknown = "not measured"
	}
	return g
}
