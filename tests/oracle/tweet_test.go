package oracle

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func datum(t testing.TB, millis int64) []byte {
	t.Helper()
	b, err := avro.Marshal(schema, map[string]any{
		"id": "b0a7d1de-9f5c-4d1a-8f52-0c4b6f7f2c11", "text": "good", "brand": "SuperCoffee", "sentiment": "negative", "timestamp": millis,
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func object(changes map[string]any) []byte {
	fields := map[string]any{"id": "1", "text": "good", "brand": "SuperCoffee", "sentiment": "negative", "timestamp": 1_700_000_000_999}
	for name, value := range changes {
		if fields[name] = value; value == nil {
			delete(fields, name)
		}
	}
	b, _ := json.Marshal(fields)
	return b
}

func TestTweetsAreCountedInTheirSecond(t *testing.T) {
	for millis, second := range map[int64]int64{0: 0, 999: 0, 1000: 1, -1: -1, -1000: -1, -1001: -2, 1_700_000_000_999: 1_700_000_000} {
		got, err := Avro(datum(t, millis))
		if err != nil {
			t.Fatal(err)
		}
		if want := (Key{second, "SuperCoffee", "negative"}); got.key() != want {
			t.Errorf("%d ms is counted as %v", millis, got.key())
		}
	}
	got, err := JSON(object(map[string]any{"likes": 3}))
	if want := (Key{1_700_000_000, "SuperCoffee", "negative"}); err != nil || got.key() != want {
		t.Errorf("%v, %v", got, err)
	}
}

func TestInvalidTweetsAreRejected(t *testing.T) {
	good := datum(t, 1_700_000_000_999)
	overlong := append(append([]byte{}, good[:len(good)-1]...), good[len(good)-1]|0x80, 0)
	for name, c := range map[string]struct {
		form  Form
		value []byte
	}{
		"empty":                  {Avro, nil},
		"truncated":              {Avro, good[:len(good)-1]},
		"trailing bytes":         {Avro, append(good[:len(good):len(good)], 0)},
		"over-long number":       {Avro, overlong},
		"JSON as Avro":           {Avro, object(nil)},
		"timestamp out of range": {Avro, datum(t, 9223372036855)},
		"Avro as JSON":           {JSON, good},
		"no brand":               {JSON, object(map[string]any{"brand": nil})},
		"empty brand":            {JSON, object(map[string]any{"brand": ""})},
		"long brand":             {JSON, object(map[string]any{"brand": strings.Repeat("x", 257)})},
		"empty id":               {JSON, object(map[string]any{"id": ""})},
		"long text":              {JSON, object(map[string]any{"text": strings.Repeat("x", 16385)})},
		"unknown sentiment":      {JSON, object(map[string]any{"sentiment": "mixed"})},
		"fraction of timestamp":  {JSON, object(map[string]any{"timestamp": 1.5})},
		"two objects":            {JSON, append(object(nil), object(nil)...)},
	} {
		if got, err := c.form(c.value); err == nil {
			t.Errorf("%s: accepted as %v", name, got)
		}
	}
}

// The oracle and the fast decoder must agree about every byte: a value that only one of
// them counts would look like lost data.
func FuzzAvroLikeTheFastDecoder(f *testing.F) {
	good := datum(f, 1_700_000_000_999)
	f.Add(good)
	f.Add(datum(f, -1))
	f.Add(datum(f, 9223372036854))
	f.Add(datum(f, -9223372036855))
	f.Add(good[:len(good)-1])
	f.Add(append(good[:len(good):len(good)], 0))
	f.Add(object(nil))
	f.Fuzz(func(t *testing.T, value []byte) {
		var fast tweet.Tweet
		fastErr := fast.DecodeAvro(value)
		slow, slowErr := Avro(value)
		if (fastErr == nil) != (slowErr == nil) {
			t.Fatalf("the fast decoder says %v, the oracle %v", fastErr, slowErr)
		}
		if fastErr == nil && (string(fast.Brand) != slow.Brand || fast.Sentiment.String() != slow.Sentiment || fast.Millis != slow.Millis) {
			t.Fatalf("%v and %v", fast, slow)
		}
	})
}
