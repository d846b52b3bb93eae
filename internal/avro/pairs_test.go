package avro_test

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"

	ours "github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// reading is the result of one implementation of Avro for a datum.
type reading struct {
	ID, Text, Brand, Sentiment string
	Timestamp                  int64
	Error                      string
}

func (r reading) equal(other reading) bool {
	if r.Error != "" || other.Error != "" {
		return (r.Error != "") == (other.Error != "")
	}
	return r == other
}

type pair struct {
	Name, Writer, Datum string
	References          []string
	FastAvro, Java      reading
}

// recordedPairs returns the pairs of testdata/pairs/record.py.
func recordedPairs(t *testing.T) (pairs []pair) {
	t.Helper()
	text, err := os.ReadFile("testdata/pairs/pairs.json")
	if err == nil {
		err = json.Unmarshal(text, &pairs)
	}
	if err != nil {
		t.Fatal(err)
	}
	return pairs
}

func (p *pair) read() reading {
	r, err := ours.NewResolver(p.Writer, p.References...)
	if err != nil {
		return reading{Error: err.Error()}
	}
	datum, err := hex.DecodeString(p.Datum)
	if err != nil {
		return reading{Error: "the table is broken"}
	}
	var tw tweet.Tweet
	if err := r.Decode(datum, &tw); err != nil {
		return reading{Error: err.Error()}
	}
	return reading{ID: string(tw.ID), Text: string(tw.Text), Brand: string(tw.Brand), Sentiment: tw.Sentiment.String(), Timestamp: tw.Millis}
}

// Deliberate differences of this package from the other implementations, with reasons.
// They are documented on the page of sentiment_window.
var deliberate = map[string]string{
	"micros 0":                 "Java leaves the unit to the caller",
	"local micros 0":           "Java leaves the unit to the caller",
	"nullable micros 0":        "Java leaves the unit to the caller",
	"nanos 0":                  "both leave the unit to the caller",
	"unknown logical type 0":   "refused: the unit is not known",
	"date 0":                   "refused: it is not a point in time; Java looks at the type alone",
	"time of day 0":            "refused: it is not a point in time; Java looks at the type alone",
	"time of day in micros 0":  "refused: it is not a point in time; Java looks at the type alone",
	"another name 0":           "refused, as the specification says; Java does not compare the name of the outermost record",
	"a negative branch":        "refused; Python counts from the end of a list",
	"cut off":                  "refused; fastavro does not look whether all bytes came",
	"text that is not UTF-8":   "refused; Java repairs it",
	"bytes that are not UTF-8": "refused; Java repairs it",
	"an int beyond 32 bits":    "refused; Python has no int of 32 bits",
	"an empty id":              "refused: a tweet has an id",
	"an empty brand":           "refused: a tweet has a brand",
	"a time beyond 2262":       "refused: InfluxDB cannot store it",
}

func TestRecordsAreReadAsByFastavroAndJava(t *testing.T) {
	counted, refused := 0, 0
	seen := map[string]bool{}
	for _, p := range recordedPairs(t) {
		got := p.read()
		if got.Error == "" {
			counted++
		} else {
			refused++
		}
		agree := got.equal(p.FastAvro) && got.equal(p.Java)
		if deliberate[p.Name] != "" {
			seen[p.Name] = true
			if agree {
				t.Errorf("%s: listed as a difference but equal: %+v", p.Name, got)
			}
			continue
		}
		if !agree {
			t.Errorf("%s: got %+v, fastavro %+v, Java %+v", p.Name, got, p.FastAvro, p.Java)
		}
	}
	if counted < 40 || refused < 40 {
		t.Errorf("%d data are tweets and %d are not: too few of one kind to compare", counted, refused)
	}
	for name := range deliberate {
		if !seen[name] {
			t.Errorf("%s: not in the table", name)
		}
	}
}

// The results of the deliberate differences.
func TestDeliberateDifferencesFromTheOthers(t *testing.T) {
	const at = 1767225600123
	want := map[string]int64{"micros 0": at, "local micros 0": at, "nullable micros 0": at, "nanos 0": at}
	for _, p := range recordedPairs(t) {
		if deliberate[p.Name] == "" {
			continue
		}
		got := p.read()
		if millis, ok := want[p.Name]; got.Timestamp != millis || ok != (got.Error == "") {
			t.Errorf("%s: got %+v, want the timestamp %d or an error", p.Name, got, millis)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
