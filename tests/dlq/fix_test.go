package dlq_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// carrying returns headers of a letter of ours that carries the key and one header of its
// record.
func carrying(topic string, offset int64, key, header, value string) []kgo.RecordHeader {
	return append(ours("undecodable", topic, 1, offset), headers("dead_timestamp_ms", "1767225600000", "dead_key", key,
		"dead_headers", fmt.Sprintf(`[["%s","%s"]]`, header, base64.StdEncoding.EncodeToString([]byte(value))))...)
}

// batchOf returns a record batch of these values.
func batchOf(t *testing.T, codec recordbatch.Codec, values ...string) []byte {
	t.Helper()
	var b recordbatch.Builder
	b.Begin(nil)
	for i, value := range values {
		b.Append(&recordbatch.Record{Timestamp: begin.UnixMilli() + int64(i), Key: []byte("key"), Value: []byte(value), Headers: recordbatch.RecordHeaders{}.Append("at", []byte{byte('a' + i)})})
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	compressor, err := recordbatch.NewCompressor(codec, recordbatch.DefaultLevel)
	if err != nil {
		t.Fatal(err)
	}
	batch, err = compressor.AppendCompressed(nil, batch)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// If this fails, a record is replayed without the change of --fix, or changed where the
// preview does not say so; --dry-run writes; or a record batch is not replayed whole, in
// the order of its records.
func TestReplayFixesRecordsAndRecordBatches(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 2), c.Topic(t, 1)
	batch := batchOf(t, recordbatch.Zstd, "bad 5", "good 6", "bad 7")
	damaged := batchOf(t, recordbatch.None, "bad 8")
	damaged[len(damaged)-3]++
	ofBatch := func(first, last string) []kgo.RecordHeader {
		return headers("dead_reason", "batch", "dead_topic", topic, "dead_partition", "1", "dead_offset", first, "dead_last_offset", last)
	}
	c.Produce(t,
		letter(dead, 0, "bad 1", carrying(topic, 0, "user", "trace", "x")),
		letter(dead, 1, "good 2", carrying(topic, 1, "user", "trace", "x")),
		letter(dead, 2, "no 3", carrying(topic, 2, "user", "trace", "x")),
		letter(dead, 3, "throw 4", carrying(topic, 3, "user", "trace", "x")),
		letter(dead, 4, string(batch), ofBatch("4", "6")),
		letter(dead, 5, string(damaged), ofBatch("7", "7")),
	)
	mapping := `root = match {
  content().string().has_prefix("no") => deleted()
  content().string().has_prefix("throw") => throw("not this one")
  _ => content().string().replace_all("bad", "fixed")
}
meta kafka_key = if content().string().has_prefix("bad") { @kafka_key + "-9" }
meta trace = deleted()
`
	replay := []string{"replay", "--dead-topic", dead, "--fix", mapping}
	out := dlq(t, c, 0, append(replay, "--dry-run")...)
	for _, says := range []string{
		"Letter 0:0, of topic " + topic + ", partition 1, offset 0\n  - value: bad 1\n  + value: fixed 1\n  - key: user\n  + key: user-9\n  - header trace: x\n",
		"Letter 0:4, of topic " + topic + ", partition 1, offset 4 to 6\n  - value: bad 5\n  + value: fixed 5\n", "and 1 more of the records of its batch",
		"3 letters of " + dead + " to replay, to " + topic,
		"1 letter not replayed: the mapping of --fix deletes it", "1 letter not replayed: the mapping of --fix fails.\n  Letter 0:3: ", "not this one",
		"1 letter not replayed: its record batch cannot be decoded.\n  Letter 0:5: ",
	} {
		if !strings.Contains(out, says) {
			t.Errorf("--dry-run does not say %q:\n%s", says, out)
		}
	}
	if n, err := c.Records(t.Context(), topic); err != nil || n != 0 {
		t.Fatalf("--dry-run has written %d records, %v", n, err)
	}
	dlq(t, c, 0, append(replay, "--yes")...)
	var got []string
	for _, r := range c.Read(t, topic, 5) {
		got = append(got, fmt.Sprintf("%d %d %s=%s %s", r.Partition, r.Timestamp.Sub(begin).Milliseconds(), r.Key, r.Value, r.Headers))
	}
	want := []string{
		"1 0 user-9=fixed 1 [{dlq_replays 1}]", "1 0 user=good 2 [{dlq_replays 1}]",
		"1 0 key-9=fixed 5 [{at a} {dlq_replays 1}]", "1 1 key=good 6 [{at b} {dlq_replays 1}]", "1 2 key-9=fixed 7 [{at c} {dlq_replays 1}]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("replayed are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if out := dlq(t, c, 1, "replay", "--dead-topic", dead, "--fix", "root = nope("); !strings.Contains(out, "parsing the mapping of --fix") {
		t.Errorf("a mapping that cannot be parsed:\n%s", out)
	}
}

// If this fails, a record that fails again and again is replayed for ever, or a parked
// letter is lost, changed or parked twice.
func TestLettersReplayedOftenEnoughAreParked(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 2), c.Topic(t, 1)
	parking := dead + "_parked"
	last := letter(dead, 0, "never", carrying(topic, 0, "user", "trace", "x"))
	c.Produce(t, last)
	replay := func(args ...string) string {
		return dlq(t, c, 0, append([]string{"replay", "--dead-topic", dead, "--max-replays", "2", "--yes"}, args...)...)
	}
	// The pipeline makes a letter of the record each time it is replayed, with its headers.
	for n := range 2 {
		if out := replay(); !strings.Contains(out, "1 letter settled") {
			t.Fatalf("replay %d:\n%s", n, out)
		}
		again := c.Read(t, topic, n+1)[n]
		if count := again.Headers[len(again.Headers)-1]; count.Key != "dlq_replays" || string(count.Value) != fmt.Sprint(n+1) {
			t.Fatalf("replay %d has the headers %s", n, again.Headers)
		}
		last = letter(dead, n+1, string(again.Value), carrying(topic, 100+again.Offset, "user", "dlq_replays", fmt.Sprint(n+1)))
		c.Produce(t, last)
	}
	if out := replay(); !strings.Contains(out, "0 letters of "+dead+" to replay.\n1 letter replayed 2 times or more, to park in "+parking) {
		t.Errorf("it says\n%s", out)
	}
	replay()
	parked := c.Read(t, parking, 1)
	if n, err := c.Records(t.Context(), parking); err != nil || n > 2 { // with the marker of the transaction
		t.Errorf("%d records are parked, %v", n, err)
	}
	if r := parked[0]; string(r.Value) != "never" || !r.Timestamp.Equal(last.Timestamp) || !slices.EqualFunc(r.Headers, last.Headers, sameHeader) {
		t.Errorf("parked is %q of %s with %s", r.Value, r.Timestamp, r.Headers)
	}
	if l := list(t, c, "--dead-topic", dead); l.Letters != 0 {
		t.Errorf("%d letters are still listed", l.Letters)
	}
	if l := list(t, c, "--dead-topic", parking); l.Letters != 1 || l.Groups[0].Reason != "undecodable" {
		t.Errorf("parked are %+v", l)
	}
}
