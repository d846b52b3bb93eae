package auditrule_test

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// If this fails, the audit and sentiment_window read the same timestamp_bounds
// differently, for instance on a bound.
func TestAgreeOnBounds(t *testing.T) {
	const hour = time.Hour
	duration := func(d time.Duration) *time.Duration { return &d }
	at := func(text string) time.Time {
		when, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatal(err)
		}
		return when
	}
	for yaml, bounds := range map[string]tweetrule.Bounds{
		"min: 2026-01-31T12:00:00Z":                       {Min: at("2026-01-31T12:00:00Z")},
		"max: 2026-01-31T12:00:00.5+01:00":                {Max: at("2026-01-31T12:00:00.5+01:00")},
		"before_record: 1h":                               {Before: duration(hour)},
		"after_record: 1500us":                            {After: duration(1500 * time.Microsecond)},
		"before_record: 2562047h, after_record: 2562047h": {Before: duration(2562047 * hour), After: duration(2562047 * hour)},
		"min: 1969-12-31T23:00:00Z, max: 2026-01-31T12:00:00Z, before_record: 0s": {Min: at("1969-12-31T23:00:00Z"), Max: at("2026-01-31T12:00:00Z"), Before: duration(0)},
	} {
		p := processorOf(t, "timestamp_bounds: {"+yaml+"}")
		rule, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.Avro, Resolution: resolution, Bounds: bounds})
		if err != nil {
			t.Fatal(err)
		}
		counted, refused := 0, 0
		edges := []int64{0, -1, -3_600_000, at("2026-01-31T12:00:00Z").UnixMilli(), at("2026-01-31T11:00:00.5Z").UnixMilli(), 1 << 62, -1 << 63, 1<<63 - 1}
		rapid.Check(t, func(t *rapid.T) {
			near := func(at int64, name string) int64 {
				return at + rapid.OneOf(rapid.Int64Range(-3, 3), rapid.Int64Range(-3_600_002, -3_599_998), rapid.Int64Range(3_599_998, 3_600_002)).Draw(t, name)
			}
			record := rapid.OneOf(rapid.SampledFrom(edges), rapid.Int64()).Draw(t, "record")
			if record > -1<<62 && record < 1<<62 {
				record = near(record, "record, near")
			}
			from := record
			if rapid.Bool().Draw(t, "apart") || from > tweet.MaxMillis || from < tweet.MinMillis {
				from = rapid.SampledFrom(edges[:5]).Draw(t, "tweet")
			}
			tw := tweet.Tweet{ID: []byte("a"), Brand: []byte("B"), Millis: near(from, "tweet, near")}
			value := tw.AppendAvro(nil)
			_, want := rule.DecodeRecord(&tweetrule.Record{Value: value, Timestamp: record})
			m := service.NewMessage(value)
			m.MetaSetMut("kafka_topic", "t")
			m.MetaSetMut("kafka_partition", 0)
			m.MetaSetMut("kafka_offset", 5)
			m.MetaSetMut("kafka_timestamp_ms", record)
			out, err := p.ProcessBatch(t.Context(), service.MessageBatch{m})
			if err != nil || len(out) != 1 || len(out[0]) != 1 {
				t.Fatal(out, err)
			}
			if got := out[0][0].GetError(); (got == nil) != (want == nil) {
				t.Fatalf("%s: for %d with a record at %d the audit returns %v, the pipeline %v", yaml, tw.Millis, record, want, got)
			}
			if want == nil {
				counted++
			} else {
				refused++
			}
		})
		if counted == 0 || refused == 0 {
			t.Errorf("%s: %d are counted and %d are not, too few of one kind to compare", yaml, counted, refused)
		}
	}
}

func processorOf(t *testing.T, yaml string) *service.OwnedProcessor {
	t.Helper()
	env := service.NewEnvironment()
	if err := sentimentwindow.Register(env, "sentiment_window"); err != nil {
		t.Fatal(err)
	}
	parsed, err := service.NewConfigSpec().Field(service.NewProcessorField("one")).ParseYAML("one:\n  sentiment_window:\n    "+yaml, env)
	if err != nil {
		t.Fatal(err)
	}
	p, err := parsed.FieldProcessor("one")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close(context.Background()) })
	return p
}
