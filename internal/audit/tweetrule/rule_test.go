package tweetrule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// tests/auditrule compares the rule with what the pipeline does, on every value.

func mustNew(t interface{ Fatal(...any) }, o Options) *Decoder {
	if o.Resolution == 0 {
		o.Resolution = time.Second
	}
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestDecode(t *testing.T) {
	want := Tweet{Brand: "Supér", Sentiment: "neutral", Millis: -1, Start: -1e9}
	for encoding, value := range map[string]string{
		Avro: "\x02i\x02t\x0cSup\xc3\xa9r\x04\x01",
		JSON: `{"timestamp":-1, "id":"i", "text":"t", "brand":"Sup\u00e9r", "sentiment":"neutral", "lang":["fr"]}`,
	} {
		d := mustNew(t, Options{Encoding: encoding})
		got, err := d.Decode([]byte(value))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", encoding, got, err, want)
		}
		var verdict NotTweet
		if _, err := d.Decode([]byte(value)[1:]); !errors.As(err, &verdict) {
			t.Errorf("%s, without its first byte: %v is not a verdict", encoding, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for says, o := range map[string]Options{
		"the window is 0s":              {Encoding: Avro},
		"the window is 1µs":             {Encoding: Avro, Resolution: time.Microsecond},
		"the window is 25h0m0s":         {Encoding: Avro, Resolution: 25 * time.Hour},
		`the encoding is "xml"`:         {Encoding: "xml", Resolution: time.Second},
		"needs a schema registry":       {Encoding: Confluent, Resolution: time.Second},
		"2 schemas":                     {Encoding: Avro, Resolution: time.Second, Schemas: [][]byte{[]byte(ownSchema), []byte(ownSchema)}},
		"parsing an Avro schema":        {Encoding: Avro, Resolution: time.Second, Schemas: [][]byte{[]byte("{")}},
		"not the record Tweet":          {Encoding: SingleObject, Resolution: time.Second, Schemas: [][]byte{[]byte(`"int"`)}},
		"no field timestamp":            {Encoding: Avro, Resolution: time.Second, Schemas: [][]byte{[]byte(strings.Replace(ownSchema, `"timestamp"`, `"at"`, 1))}},
		"its field timestamp is long ":  {Encoding: Avro, Resolution: time.Second, Schemas: [][]byte{[]byte(strings.Replace(ownSchema, `-millis`, `-seconds`, 1))}},
		"timestamps in different units": {Encoding: SingleObject, Resolution: time.Second, Schemas: [][]byte{[]byte(strings.Replace(ownSchema, `-millis`, `-micros`, 1))}},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("got %v, want an error that says %q", err, says)
		}
	}
}

// A tweet is in its window, and InfluxDB can store all of that window.
func TestFloor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		resolution := rapid.SampledFrom([]int64{1e6, 7e6, 1e9, 60e9, 86_400e9}).Draw(t, "resolution")
		millis := rapid.OneOf(rapid.Int64(), rapid.Int64Range(minMillis-2000, minMillis+2000), rapid.Int64Range(maxMillis-2000, maxMillis+2000), rapid.Int64Range(-5000, 5000)).Draw(t, "millis")
		start, ok := Floor(millis, resolution)
		if !ok {
			if -1e12 < millis && millis < 1e12 {
				t.Fatal("a time of ours has no window")
			}
			return
		}
		if start%resolution != 0 || start < minNanos || start > maxNanos-resolution || millis*1_000_000 < start || millis*1_000_000 >= start+resolution {
			t.Fatalf("%d ms is in a window from %d ns", millis, start)
		}
	})
}

// Brands come from the records: an endless number of names must not fill the memory.
func TestBrandsThatAreKeptAreBounded(t *testing.T) {
	d := mustNew(t, Options{Encoding: JSON})
	for i := range 3 * maxBrands {
		brand := fmt.Sprint("brand ", i)
		got, err := d.Decode([]byte(`{"id":"i","text":"","brand":"` + brand + `","sentiment":"positive","timestamp":1}`))
		if err != nil || got.Brand != brand {
			t.Fatal(got, err)
		}
	}
	if len(d.brands) > maxBrands {
		t.Errorf("%d brands are kept", len(d.brands))
	}
}

// The same for the ids of schemas. A brand must not change when the bytes that it was
// read from are reused.
func TestConfluent(t *testing.T) {
	asked := 0
	d := mustNew(t, Options{Encoding: Confluent, Registry: func(id uint32) (s RegistrySchema, err error) {
		asked++
		switch id % 3 {
		case 0:
			s.Text = []byte(ownSchema)
			return s, nil
		case 1:
			s.Text = []byte(`"int"`)
			return s, nil
		}
		return s, fmt.Errorf("registry: %w", ErrNoSchema)
	}})
	var verdict NotTweet
	for id := range 3 * maxSchemas {
		value := append([]byte{0, 0, 0, byte(id >> 8), byte(id)}, "\x02i\x02t\x02B\x02\x02"...)
		for range 2 {
			got, err := d.Decode(value)
			if id%3 == 0 && (err != nil || got.Millis != 1) || id%3 != 0 && !errors.As(err, &verdict) {
				t.Fatalf("schema %d: %+v, %v", id, got, err)
			}
			clear(value[5:])
			if id%3 == 0 && got.Brand != "B" {
				t.Fatal("the brand changes with the bytes that it was read from")
			}
			copy(value[5:], "\x02i\x02t\x02B\x02\x02")
		}
	}
	if asked != 3*maxSchemas {
		t.Errorf("the registry was asked %d times", asked)
	}
}
