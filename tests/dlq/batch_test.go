package dlq_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// recordText describes all that a replay must keep of a record.
func recordText(r *kgo.Record) string {
	text := func(b []byte) string {
		if b == nil {
			return "null"
		}
		return fmt.Sprintf("%d bytes %.20q", len(b), b)
	}
	line := fmt.Sprintf("%d at %s key %s value %s", r.Partition, r.Timestamp.UTC().Format(time.RFC3339Nano), text(r.Key), text(r.Value))
	for _, h := range r.Headers {
		if h.Key != "dlq_replays" {
			line += " " + h.Key + "=" + text(h.Value)
		}
	}
	return line
}

// If this fails, the letter of a whole record batch is not listed, not found by the
// offsets of its records, not shown record by record, or not replayed as its records were:
// in their order, with what is empty and what is null. With whatever codec, and also if
// the letter was cut.
func TestLettersOfWholeRecordBatches(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 2), c.Topic(t, 1)
	bucket := testenv.Influx(t, testenv.InfluxV1)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	names := []string{"none", "gzip", "snappy", "lz4", "zstd", "large"}
	var want []string
	for i, name := range names {
		codec, is := codecs[name]
		if !is {
			codec = kgo.NoCompression()
		}
		client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(1<<20+12), kgo.ProducerLinger(200*time.Millisecond))
		records := []*kgo.Record{
			{Value: []byte("of " + name + strings.Repeat(" and so on", 50))},
			{Key: []byte("key"), Headers: []kgo.RecordHeader{{Key: "null"}, {Key: "empty", Value: []byte{}}}},
			{Key: []byte{}, Value: []byte{}, Headers: headers("a", "1", "a", "2")},
		}
		if name == "large" {
			noise := make([]byte, 1_020_000) // more than a letter holds
			_, _ = rand.NewChaCha8([32]byte{}).Read(noise)
			records[2].Value = noise
		}
		for n, r := range records {
			r.Topic, r.Partition, r.Timestamp = topic, 1, begin.Add(time.Duration(10*i+n)*time.Millisecond)
			want = append(want, recordText(r))
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		client.Close()
	}
	drain(t, c, faultyExact(t, `root = throw("not yet")`), environment(c, bucket, topic, dead))

	l := list(t, c, "--dead-topic", dead, "--by", "reason,topic,partition")
	if len(l.Groups) != 1 || l.Letters != int64(len(names)) || l.Groups[0].Reason != "failed_before" || l.Groups[0].Topic != topic || *l.Groups[0].Partition != 1 {
		t.Fatalf("listed are %+v", l)
	}
	for i, name := range names {
		last := 3*i + 2
		one := []string{"--dead-topic", dead, "--topic", topic, "--partition", "1", "--offset", fmt.Sprint(last - 1)}
		if l := list(t, c, one...); l.Letters != 1 {
			t.Errorf("%d letters have the offset in the middle of %s", l.Letters, name)
		}
		out := strings.Join(strings.Fields(dlq(t, c, 0, append([]string{"show"}, one...)...)), " ")
		says := []string{
			fmt.Sprintf("topic %s, partition 1, offset %d to %d", topic, last-2, last), "not yet", "Value as record_batch", fmt.Sprintf("last offset %d ", last), "records 3 ",
		}
		if name == "large" {
			says = append(says, "The letter was cut from 1020", "compression none", "Decoding stopped at byte 1000000 of 1000000, in the batch")
		} else {
			says = append(says, "compression "+name, fmt.Sprintf("record %d of %s and", last-2, name), "Decoded to the last of")
		}
		for _, say := range says {
			if !strings.Contains(out, say) {
				t.Errorf("show of %s does not say %q:\n%s", name, say, out)
			}
		}
	}
	var shown struct {
		Record  struct{ Offset, LastOffset int64 }
		Decoded struct {
			As     string
			Values []struct{ Name, Value string }
		}
	}
	if err := json.Unmarshal([]byte(dlq(t, c, 0, "show", "--dead-topic", dead, "--json", "0:0")), &shown); err != nil || shown.Decoded.As != "record_batch" || len(shown.Decoded.Values) != 10 {
		t.Errorf("as JSON %+v, %v", shown, err)
	}

	if out := dlq(t, c, 0, "replay", "--dead-topic", dead, "--yes"); !strings.Contains(out, "6 letters settled") {
		t.Errorf("replay says\n%s", out)
	}
	records := c.Read(t, topic, 2*len(want))
	again := slices.Collect(slices.Chunk(records[len(want):], 3)) // letters are in any order, the records of each are not
	slices.SortFunc(again, func(a, b []*kgo.Record) int { return a[0].Timestamp.Compare(b[0].Timestamp) })
	var got []string
	for _, r := range slices.Concat(again...) {
		if n := len(r.Headers); n == 0 || r.Headers[n-1].Key != "dlq_replays" || string(r.Headers[n-1].Value) != "1" {
			t.Errorf("the headers of a replayed record are %v", r.Headers)
		}
		got = append(got, recordText(r))
	}
	if !slices.Equal(got, want) {
		t.Errorf("replayed are\n%s\nnot\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if was, is := records[len(want)-1].Value, again[len(again)-1][2].Value; !bytes.Equal(was, is) {
		t.Errorf("the large record is replayed with %d other bytes", len(is))
	}
	if l := list(t, c, "--dead-topic", dead); l.Letters != 0 {
		t.Errorf("%d letters are still listed", l.Letters)
	}
}
