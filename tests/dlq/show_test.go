package dlq_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func datum() string {
	tw := tweet.Tweet{ID: []byte("1"), Text: []byte("Hi"), Brand: []byte("SuperCoffee"), Sentiment: tweet.Neutral, Millis: 1_700_000_000_000}
	return string(tw.AppendAvro(nil))
}

// If this fails, `dlq show` hides what a person needs to fix a letter: the reason, the
// place of its record, the values before the fault, the byte of the fault, the headers,
// and what to do; or it lets a letter write to the terminal.
func TestShow(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	dead := c.Topic(t, 1)
	hostile := ours("undecodable", "tweets", 3, 9)
	hostile = append(hostile, kgo.RecordHeader{Key: "user\x1b[2J", Value: []byte("\x1b]0;owned\x07")}, kgo.RecordHeader{Key: "null"})
	letters := []*kgo.Record{
		0: letter(dead, 0, datum()[:20], ours("undecodable", "tweets", 3, 7)),
		1: letter(dead, 1, `m,brand=a count=x 5`, ours("rejected", "tweets", 3, 8)),
		2: letter(dead, 2, `{"id":"1","brand":tru}`, hostile),
		3: letter(dead, 3, string([]byte{2, 7}), spring("orders", 1, 55)),
		4: letter(dead, 4, `{"amount":1}`, connect("payments", 0, 1)),
		5: letter(dead, 5, strings.Repeat("a", 1_000)+"\xff", ours("undecodable", "tweets", 0, 1)),
		6: {Topic: dead, Timestamp: begin},
	}
	for _, l := range letters { // one by one, for their offsets
		c.Produce(t, l)
	}
	schema := filepath.Join(t.TempDir(), "flag.avsc")
	if err := os.WriteFile(schema, []byte(`{"type":"record","name":"F","fields":[{"name":"n","type":"int"},{"name":"flag","type":"boolean"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		args string
		says []string
	}{
		{"0:0", []string{
			"Letter 0:0 of " + dead, "2026-01-01 00:00:00 UTC", "brandpulse", "undecodable", "the bytes end inside the tweet", "topic tweets, partition 3, offset 7",
			"not a tweet in the pipeline's encoding", "Value as avro", "0  id         1", "2  text       Hi", "17  sentiment  neutral",
			"Decoding stopped at byte 18 of 20, in timestamp: the bytes end inside the value", "00000010", "<- byte 18", "dead_reason: undecodable",
		}},
		{"0:1", []string{"Value as line", "tag brand", "InfluxDB rejected this point", "Decoding stopped at byte 16 of 19", "the fields"}},
		{"0:2", []string{"Value as json", "/id", "Decoding stopped at byte 21 of 22, in /brand", `user\x1b[2J: \x1b]0;owned\a`, "null: null"}},
		{"--schema " + schema + " 0:3 --encoding avro", []string{"spring", "java.lang.IllegalStateException", "topic orders, partition 1, offset 55", "failed with this exception", "0  n  1", "Decoding stopped at byte 1 of 2, in flag: a boolean is neither 0 nor 1", `at a.B\n\tat c.D`}},
		{"0:4 --encoding avro", []string{"kafka_connect", "DataException", "could not decode it", "The bytes can be decoded as json: --encoding json"}},
		{"0:5 --bytes 32", []string{"... 9", "<- byte"}},
		{"0:6", []string{"unknown", "No header says why", "none: the record has no value"}},
		{"--topic tweets --partition 3 --offset 8", []string{"Letter 0:1 of"}},
		{"--topic tweets", []string{"Letter 0:5 of", "The latest of 4 letters that the flags select."}},
	} {
		out := dlq(t, c, 0, append([]string{"show", "--dead-topic", dead}, strings.Fields(test.args)...)...)
		for _, want := range test.says {
			if !strings.Contains(out, want) {
				t.Errorf("show %s: does not contain %q:\n%s", test.args, want, out)
			}
		}
		if strings.ContainsAny(out, "\x1b\x07") {
			t.Errorf("show %s: a letter writes to the terminal: %q", test.args, out)
		}
	}

	var shown struct {
		Reason string
		Record struct {
			Topic             string
			Partition, Offset *int64
			LastOffset        *int64 `json:"last_offset"`
		}
		Decoded struct {
			As      string
			Stopped int
			Values  []struct{ Name, Value string }
			Error   string
		}
		Value struct {
			Text   *string
			Base64 string
		}
		Headers []struct{ Name string }
		Advice  string
	}
	if err := json.Unmarshal([]byte(dlq(t, c, 0, "show", "--dead-topic", dead, "--json", "0:0")), &shown); err != nil {
		t.Fatal(err)
	}
	value, err := base64.StdEncoding.DecodeString(shown.Value.Base64)
	if err != nil || !bytes.Equal(value, letters[0].Value) {
		t.Errorf("the value is %x, want %x: %v", value, letters[0].Value, err)
	}
	if shown.Reason != "undecodable" || shown.Record.Topic != "tweets" || *shown.Record.Partition != 3 || *shown.Record.Offset != 7 || shown.Record.LastOffset != nil ||
		shown.Decoded.As != "avro" || shown.Decoded.Stopped != 18 || len(shown.Decoded.Values) != 4 || shown.Decoded.Error == "" || len(shown.Headers) != 5 || shown.Advice == "" {
		t.Errorf("%+v", shown)
	}
}
