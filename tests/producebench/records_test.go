package producebench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// The pipeline of ordinary messages: one per tweet, in batches as generate.yaml has them.
const recordsConfig = `
input:
  tweet_generator:
    message: record
    batch_size: 8000
    interval: 0s
    max_in_flight: 8
    count: ${COUNT}
    progress: never
output:
%s
metrics:
  prometheus: {}
logger:
  level: WARN
`

// The outputs that are compared, with the same acks and codec, each with the settings
// with which it is fast.
var outputs = map[string]string{
	"kafka_batches": `
  kafka_batches:
    seed_brokers: [ "${KAFKA_BROKERS}" ]
    topic: "${TOPIC}"
    message: record
    acks: leader
    compression: "${COMPRESSION}"
    max_in_flight: 8`,
	"kafka_franz": stock("kafka_franz"),
	"redpanda":    stock("redpanda"),
	"drop": `
  drop: {}`,
}

// stock returns one of the stock outputs. Both use franz-go, and are fast with the same
// settings.
func stock(name string) string {
	return "\n  " + name + `:
    seed_brokers: [ "${KAFKA_BROKERS}" ]
    topic: "${TOPIC}"
    acks: leader
    idempotent_write: false
    max_in_flight_requests: 4
    compression: "${COMPRESSION}"
    max_buffered_records: 100000
    max_in_flight: 8`
}

// through writes messages through an output.
func through(output string, percent int64) writer {
	return writer{name: output, percent: percent, command: func(tb testing.TB, r run) process.Command {
		tb.Helper()
		path := filepath.Join(r.dir, "pipeline.yaml")
		if err := os.WriteFile(path, fmt.Appendf(nil, recordsConfig, outputs[output]), 0o600); err != nil {
			tb.Fatal(err)
		}
		return program(tb, r, path)
	}}
}

// records compares the outputs for ordinary messages. drop shows what the rest of the
// pipeline costs.
func records(b *bench) {
	ours, franz, redpanda, drop := through("kafka_batches", 100), through("kafka_franz", 40), through("redpanda", 20), through("drop", 100)
	drop.written = acknowledged
	tweets := max(1, b.tweets/2)
	for _, codec := range b.codecs {
		title := fmt.Sprintf("messages to Kafka, %s, acks 1, %d partitions, %s tweets per run", codec, partitions, grouped(tweets))
		rows := b.compare(title, run{partitions: partitions, codec: codec, tweets: tweets}, []writer{ours, franz, redpanda, drop})
		b.goals(title,
			against(rows, ours.name, franz.name, 1.3),
			against(rows, ours.name, redpanda.name, 2.5),
			overDrop(rows, ours.name, franz.name, drop.name),
			overDrop(rows, ours.name, redpanda.name, drop.name),
			memoryOverDrop(rows, ours.name, drop.name),
		)
	}
}

// acknowledged asks the generator for its tweets that the output has accepted. Once it
// has ended, all were: otherwise its exit code is not 0, or it hangs.
func acknowledged(r run) func(context.Context) (int64, error) {
	var last int64
	return func(ctx context.Context) (int64, error) {
		metrics, err := testenv.MetricsOf(ctx, r.address)
		switch {
		case err == nil:
			last = int64(metrics.Sum("tweet_generator_delivered"))
		case last > 0:
			last = r.tweets
		case !errors.Is(err, syscall.ECONNREFUSED): // which it is until it has started
			return 0, err
		}
		return last, nil
	}
}

// overDrop compares the CPU that two outputs add to the rest of the pipeline, round by
// round.
func overDrop(rows []*rounds.Row, ours, other, drop string) goal {
	g := goal{what: "times the CPU of " + other + " over drop", limit: 0.4, atMost: true}
	our, their, floor := rowOf(rows, ours), rowOf(rows, other), rowOf(rows, drop)
	if our == nil || their == nil || floor == nil {
		g.unknown = "not measured"
		return g
	}
	above := over(their, floor)
	if slices.ContainsFunc(above.Readings, func(r rounds.Reading) bool { return r.CPU <= 0 }) {
		g.unknown = "too few to measure"
		return g
	}
	_, g.figure = over(our, floor).Against(*above)
	return g
}

// over returns a row with what its CPU is above that of another.
func over(row, floor *rounds.Row) *rounds.Row {
	above := &rounds.Row{Name: row.Name}
	for i, r := range row.Readings {
		r.CPU -= floor.Readings[i].CPU
		above.Readings = append(above.Readings, r)
	}
	return above
}

func memoryOverDrop(rows []*rounds.Row, ours, drop string) goal {
	g := goal{what: "MB of memory more than drop", limit: 45, atMost: true}
	our, floor := rowOf(rows, ours), rowOf(rows, drop)
	if our == nil || floor == nil {
		g.unknown = "not measured"
		return g
	}
	g.figure = float64(our.Median().Peak-floor.Median().Peak) / (1 << 20)
	return g
}
