package usermapping

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure" // as in the program

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

func decoderOf(t *testing.T, mapping string, input Input) *tweetrule.Decoder {
	t.Helper()
	m, err := New(mapping, input)
	if err != nil {
		t.Fatal(err)
	}
	d, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.JSON, Resolution: time.Second, Mapping: m.Map})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// If this fails, the audit reads another tweet from a record than the user's mapping
// returns, treats a deleted record as a dead letter, or a broken one as deleted.
func TestRecordsAsTheMappingMakesThem(t *testing.T) {
	const mapping = `
root = if this.kind == "ad" { deleted() } else { {
  "brand": this.company,
  "sentiment": if this.score > 0.2 { "positive" } else if this.score < -0.2 { "negative" } else { "neutral" },
  "timestamp": this.at.ts_parse("2006-01-02T15:04:05Z07:00")
} }`
	d := decoderOf(t, mapping, RecordBatch)
	for value, want := range map[string]any{
		`{"company":"Tea","score":0.5,"at":"2023-11-14T22:13:20.5Z"}`:     tweetrule.Tweet{Brand: "Tea", Sentiment: "positive", Millis: 1_700_000_000_500, Start: 1_700_000_000e9},
		`{"company":"Té\rX","score":-1,"at":"2023-11-14T23:13:20+01:00"}`: tweetrule.Tweet{Brand: "Té\rX", Sentiment: "negative", Millis: 1_700_000_000_000, Start: 1_700_000_000e9},
		`{"kind":"ad","company":"Tea","score":0}`:                         tweetrule.ErrFiltered,
		`{"company":"Tea","score":0}`:                                     "the mapping failed",
		`{"company":7,"score":0,"at":"2023-11-14T22:13:20Z"}`:             "must be a string",
		`{"company":"","score":0,"at":"2023-11-14T22:13:20Z"}`:            "the brand",
		`{"company":"Tea\\","score":0,"at":"2023-11-14T22:13:20Z"}`:       "line protocol",
		`{"company":"Tea","score":0,"at":"3000-01-01T00:00:00Z"}`:         "InfluxDB cannot store the timestamp",
		`no JSON`: "the mapping failed",
		`{"company":"Tea","score":"much","at":"2023-11-14T22:13:20Z"}`: "the mapping failed",
		strings.Repeat("[", 10): "the mapping failed",
	} {
		got, err := d.Decode([]byte(strings.ReplaceAll(value, "\r", `\r`)))
		check(t, value, got, err, want)
	}
}

func check(t *testing.T, what string, got tweetrule.Tweet, err error, want any) {
	t.Helper()
	var verdict tweetrule.NotTweet
	switch want := want.(type) {
	case tweetrule.Tweet:
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", what, got, err, want)
		}
	case error:
		if !errors.Is(err, want) {
			t.Errorf("%s: got %+v, %v, want %v", what, got, err, want)
		}
	case string:
		if !errors.As(err, &verdict) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %+v, %v, want a verdict that says %q", what, got, err, want)
		}
	}
}

// If this fails, a mapping returns other numbers in the audit than in the pipeline:
// integers lose digits, or a fraction of a millisecond counts.
func TestTimestampsThatAMappingGives(t *testing.T) {
	tweet := func(millis, start int64) tweetrule.Tweet {
		return tweetrule.Tweet{Brand: "b", Sentiment: "neutral", Millis: millis, Start: start}
	}
	for expression, want := range map[string]any{
		"1700000000123":                tweet(1_700_000_000_123, 1_700_000_000e9),
		"-1":                           tweet(-1, -1e9),
		"this.t":                       tweet(1_700_000_000_001, 1_700_000_000e9),
		"this.t.uint64()":              tweet(1_700_000_000_001, 1_700_000_000e9),
		"1700000000.ts_unix_milli()":   tweet(1_700_000_000_000, 1_700_000_000e9),
		"@kafka_timestamp_ms":          tweet(5000, 5e9),
		"@kafka_timestamp_unix * 1000": tweet(5000, 5e9),
		`"2023-11-14T22:13:20Z".ts_parse("2006-01-02T15:04:05Z07:00")`: tweet(1_700_000_000_000, 1_700_000_000e9),
		"1.5":    "the timestamp",
		`"1"`:    "the timestamp",
		"null":   "the timestamp",
		"this.u": "the timestamp",
	} {
		d := decoderOf(t, `root = {"brand": "b", "sentiment": "neutral", "timestamp": `+expression+`}`, Redpanda)
		got, err := d.DecodeRecord(&tweetrule.Record{Value: []byte(`{"t": 1700000000001, "u": 18446744073709551615}`), Timestamp: 5000})
		check(t, expression, got, err, want)
	}
}

// If this fails, a mapping reads other metadata in the audit than in the pipeline.
func TestMetadataThatAMappingSees(t *testing.T) {
	record := &tweetrule.Record{
		Topic: "tweets", Partition: 3, Offset: 7, Timestamp: 1_700_000_000_999, Key: []byte("k"), Value: []byte("{}"),
		Headers: []tweetrule.Header{
			{Name: "tenant", Value: []byte("a")}, {Name: "tenant", Value: []byte("b")}, {Name: "kafka_topic", Value: []byte("forged")}, {Name: "none"},
		},
	}
	for _, c := range []struct {
		input            Input
		expression, want any
	}{
		{RecordBatch, "@kafka_topic", "tweets"},
		{RecordBatch, "@kafka_offset + @kafka_partition", int64(10)},
		{RecordBatch, "@tenant", nil},
		{KafkaBatches, "@kafka_topic", "tweets"},
		{KafkaBatches, "@header_kafka_topic", "forged"},
		{KafkaBatches, "@tenant", "b"},
		{Redpanda, "@kafka_topic", "forged"},
		{Redpanda, "@kafka_key.string()", "k"},
		{Redpanda, "@kafka_key.type()", "bytes"},
		{Redpanda, "@none", nil},
		{KafkaFranz, "@kafka_key.type()", "string"},
		{KafkaFranz, "@none", ""},
		{KafkaFranz, "@kafka_timestamp_ms", int64(1_700_000_000_999)},
	} {
		m, err := New("root.x = "+c.expression.(string), c.input)
		if err != nil {
			t.Fatal(err)
		}
		got, err := m.Map(record)
		if err != nil || !reflect.DeepEqual(got, map[string]any{"x": c.want}) {
			t.Errorf("%s: %s is %#v, %v, want %#v", c.input, c.expression, got, err, c.want)
		}
	}
}

// If this fails, nobody learns that the results of a mapping vary, or a mapping whose
// results do not vary is reported.
func TestFunctionsThatGiveOtherResults(t *testing.T) {
	for mapping, want := range map[string][]string{
		`root = this`: nil,
		`root.timestamp = this.at | now().ts_unix_milli()`: {"now"},
		`root.id = uuid_v4()
root.n = random_int(max: 3)`: {"random_int", "uuid_v4"},
		`root.brand = "now()"`: nil,
	} {
		m, err := New(mapping, Redpanda)
		if err != nil || !reflect.DeepEqual(m.Unsteady(), want) {
			t.Errorf("%s: %q, %v", mapping, m.Unsteady(), err)
		}
	}
	if _, err := New("root = ?", Redpanda); err == nil {
		t.Error("an invalid mapping is accepted")
	}
}
