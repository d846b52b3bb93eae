package sentimentwindow

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// What would break: a dead letter explains itself in Go's names of types, or does
// not name the setting that is wrong.
func TestReasonsAreInWordsOfTheUser(t *testing.T) {
	object := func(name string, v any) map[string]any {
		o := map[string]any{"brand": "Tea", "sentiment": "neutral", "timestamp": int64(1_700_000_000_123)}
		o[name] = v
		return o
	}
	for want, v := range map[string]any{
		"it is an array, not an object":                       []any{1},
		"it is null, not an object":                           nil,
		"it is a number, not an object":                       json.Number("5"),
		"brand is an integer, not a string":                   object("brand", int64(7)),
		"text is an object, not a string":                     object("text", map[string]any{}),
		"sentiment is missing or empty":                       object("sentiment", nil),
		"timestamp 99999999999999999999 is too large":         object("timestamp", json.Number("99999999999999999999")),
		"timestamp 1.5 is not a whole number of milliseconds": object("timestamp", json.Number("1.5")),
		"timestamp is a boolean, not a whole number of milli": object("timestamp", true),
		"timestamp is missing":                                object("timestamp", nil),
	} {
		if err := fromObject(v, new(tweet.Tweet)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if err := plainAvro([]byte{0, 0, 0, 0, 7, 2, 'a'}, new(tweet.Tweet)); err == nil || !strings.Contains(err.Error(), "schema id 7: if the whole topic does, set `encoding: avro_confluent`") {
		t.Errorf("got %v", err)
	}
	mapping, err := bloblang.Parse("root = this")
	if err != nil {
		t.Fatal(err)
	}
	quoted := []byte(`{"id":"a","text":"hi","brand":"B","sentiment":"neutral","timestamp":"1767225600000"}`)
	marked := append([]byte("\ufeff"), quoted...)
	for want, err := range map[string]error{
		`milliseconds since 1970; it is a string, "1767225600000" (` + "`mapping` can convert it)": decodeJSON(t.Context(), quoted, new(tweet.Tweet)),
		"byte order mark (the bytes ef bb bf), which its producer must omit":                       decodeJSON(t.Context(), marked, new(tweet.Tweet)),
		"mapping it to a tweet: it begins with a byte order mark":                                  mappedDecoder(mapping)(t.Context(), service.NewMessage(marked), new(tweet.Tweet)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
