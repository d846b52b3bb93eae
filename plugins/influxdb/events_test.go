package influxdb

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// eventMessage is a line with the metadata of what it counts. A nil value is none.
func eventMessage(line string, tweets, millis any) *service.Message {
	m := message(line)
	for name, value := range map[string]any{contract.Tweets: tweets, contract.EventTime: millis} {
		if value != nil {
			m.MetaSetMut(name, value)
		}
	}
	return m
}

// TestEventsAreCountedWhenStored breaks if what is shown as stored tweets, and as
// their latency, counts a message that is not stored whole, forgets one, or takes
// the word of a record header for it.
func TestEventsAreCountedWhenStored(t *testing.T) {
	lines := linesOf(0, 8)
	ago := func(d time.Duration) int64 { return time.Now().Add(-d).UnixMilli() }
	old := ago(time.Hour)
	for _, c := range []struct {
		name   string
		batch  service.MessageBatch
		tweets int64
		ages   []time.Duration // at least, and not a minute more
	}{
		{"integers, of a plugin and of a mapping", service.MessageBatch{
			eventMessage(lines[0], 100, old), eventMessage(lines[1], int64(23), int(ago(2*time.Hour))),
		}, 123, []time.Duration{time.Hour, 2 * time.Hour}},
		{"no metadata", service.MessageBatch{message(lines[0])}, 0, nil},
		{"headers, which are strings", service.MessageBatch{eventMessage(lines[0], "100", "1700000000000")}, 0, nil},
		{"other types", service.MessageBatch{eventMessage(lines[0], 1.5, true), eventMessage(lines[1], -7, nil)}, 0, nil},
		{"one event time for many", service.MessageBatch{
			eventMessage(lines[0], 1, old), eventMessage(lines[1], 1, old), eventMessage(lines[2], 1, old),
		}, 3, []time.Duration{time.Hour}},
		{"from the future", service.MessageBatch{eventMessage(lines[0], 1, ago(-time.Hour))}, 1, []time.Duration{0}},
		{"one of three refused", service.MessageBatch{
			eventMessage(lines[0], 1, ago(time.Hour)), eventMessage(lines[6], 10, ago(3*time.Hour)), eventMessage(lines[1], 100, ago(2*time.Hour)),
		}, 101, []time.Duration{time.Hour, 2 * time.Hour}},
		{"a message with one refused line", service.MessageBatch{
			func() *service.Message {
				m := eventMessage(lines[0], 10, old)
				m.SetBytes([]byte(lines[0] + "\n" + lines[6] + "\n"))
				return m
			}(), eventMessage(lines[1], 1, old),
		}, 1, []time.Duration{time.Hour}},
	} {
		t.Run(c.name, func(t *testing.T) {
			address, stop := influxfake.New(influxfake.Options{Refuse: conflict(lines[6])}).Listen()
			defer stop()
			metrics := newRecorder()
			recorded(t, metrics, "influxdb: { url: '"+address+"', org: org, bucket: bucket, rejected: { drop: {} } }")(
				func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
					if err := produce(ctx, c.batch); err != nil {
						t.Error(err)
					}
				})
			if got := metrics.sums["influxdb_tweets_written"]; got != c.tweets {
				t.Errorf("%d tweets are counted, want %d", got, c.tweets)
			}
			got := slices.Sorted(slices.Values(metrics.times["influxdb_event_latency_ns"]))
			if !slices.EqualFunc(got, c.ages, func(got, want time.Duration) bool { return got >= want && got < want+time.Minute }) {
				t.Errorf("the latencies are %s, want %s", got, c.ages)
			}
		})
	}
}

// TestEventsOfNothingStoredAreNotCounted breaks if a batch counts that InfluxDB has
// not answered for: each try after a disconnect would count it once more.
func TestEventsOfNothingStoredAreNotCounted(t *testing.T) {
	var answers atomic.Int64
	fake := influxfake.New(influxfake.Options{Fault: func(_ int, lines []string) influxfake.Fault {
		if len(lines) > 0 && answers.Add(1) <= 3 {
			return influxfake.Fault{Status: 401}
		}
		return influxfake.Fault{}
	}})
	address, stop := fake.Listen()
	defer stop()
	metrics := newRecorder()
	recorded(t, metrics, "influxdb: { url: '"+address+"', org: org, bucket: bucket, backoff: { initial_interval: 1ms, max_interval: 2ms } }")(
		func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
			if err := produce(ctx, service.MessageBatch{eventMessage(lineOf(1), 5, time.Now().UnixMilli())}); err != nil {
				t.Error(err)
			}
		})
	if got := metrics.sums["influxdb_tweets_written"]; got != 5 || answers.Load() < 4 {
		t.Errorf("%d tweets are counted after %d requests, want 5 after 4", got, answers.Load())
	}
	if got := len(metrics.times["influxdb_event_latency_ns"]); got != 1 {
		t.Errorf("%d latencies are counted", got)
	}
}

// TestEventsOfABlockedBatchAreCountedOnce breaks if a message whose point is taken
// after a while of refusing is missing in the counts, or one beside it is twice.
func TestEventsOfABlockedBatchAreCountedOnce(t *testing.T) {
	metrics := newRecorder()
	registry := metricsOf(t, metrics)
	synctest.Test(t, func(t *testing.T) {
		lines := linesOf(0, 5)
		began := time.Now()
		fake := influxfake.New(influxfake.Options{Refuse: func(line string) string {
			if line == lines[3] && time.Since(began) < time.Minute {
				return "field type conflict"
			}
			return ""
		}})
		o, _ := startOutput(t, testConfig(), fake, nil)
		o.metrics = newOutputMetrics(registry)
		var batch service.MessageBatch
		for i, line := range lines {
			batch = append(batch, eventMessage(line, 1<<i, began.UnixMilli()-int64(i)))
		}
		if err := write(t.Context(), o, batch); err != nil {
			t.Fatal(err)
		}
	})
	if got := metrics.sums["influxdb_tweets_written"]; got != 0b11111 {
		t.Errorf("the tweets of messages %05b are counted, want all, each once", got)
	}
	late := 0
	for _, took := range metrics.times["influxdb_event_latency_ns"] {
		if took >= time.Minute {
			late++
		}
	}
	if got := len(metrics.times["influxdb_event_latency_ns"]); got != 5 || late != 1 {
		t.Errorf("%d latencies are counted, %d of them over a minute: want 5 and 1", got, late)
	}
}

// TestEventsOfAMapping breaks if what the manual tells people to write for their
// own events is not counted: Bloblang has integers of several kinds.
func TestEventsOfAMapping(t *testing.T) {
	address, stop := influxfake.New(influxfake.Options{}).Listen()
	defer stop()
	metrics := newRecorder()
	run := recorded(t, metrics, `
influxdb:
  url: "`+address+`"
  org: org
  bucket: bucket
  measurement: orders
  fields: root.n = this.n
  timestamp: root = this.created.ts_parse("2006-01-02T15:04:05Z07:00")
processors:
  - mapping: |
      meta tweets = this.n
      meta event_time_ms = this.created.ts_parse("2006-01-02T15:04:05Z07:00").ts_unix_milli()
`)
	run(func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
		created := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
		if err := produce(ctx, service.MessageBatch{service.NewMessage([]byte(`{"n":12,"created":"` + created + `"}`))}); err != nil {
			t.Error(err)
		}
	})
	if got := metrics.sums["influxdb_tweets_written"]; got != 12 {
		t.Errorf("%d events are counted, want 12", got)
	}
	if got := metrics.times["influxdb_event_latency_ns"]; len(got) != 1 || got[0] < time.Hour || got[0] > time.Hour+time.Minute {
		t.Errorf("the latencies are %s, want one of an hour", got)
	}
}
