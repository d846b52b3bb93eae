package kafkabatch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
	"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// fill writes records with nulls, empty values and headers, in batches of many
// sizes.
func fill(t *testing.T, c *testenv.Cluster, topic string, partitions int32, codec kgo.CompressionCodec, seed uint64) (records int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 0))
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec))
	defer client.Close()
	for range 20 {
		var batch []*kgo.Record
		for i := range 1 + rng.IntN(300) {
			r := &kgo.Record{Topic: topic, Partition: rng.Int32N(partitions), Timestamp: time.UnixMilli(1_700_000_000_000 + rng.Int64N(1e6))}
			switch rng.IntN(10) {
			case 0: // null
			case 1:
				r.Value = []byte{}
			default:
				r.Value = bytes.Repeat(fmt.Appendf(nil, "tweet %d ", i), 1+rng.IntN(20))
			}
			if rng.IntN(3) == 0 {
				r.Key = fmt.Appendf(nil, "key %d", i)
			}
			for range rng.IntN(3) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: "kafka_offset", Value: []byte("7")}, kgo.RecordHeader{Key: "null"})
			}
			batch = append(batch, r)
		}
		if err := client.ProduceSync(t.Context(), batch...).FirstErr(); err != nil {
			t.Fatal(err)
		}
		records += len(batch)
	}
	return records
}

// independent gives what franz-go reads, as text by partition and offset.
func independent(t *testing.T, c *testenv.Cluster, topic string, records int) map[string]string {
	t.Helper()
	want := map[string]string{}
	for _, r := range c.Read(t, topic, records) {
		text := text(r.Timestamp.UnixMilli(), r.Key, r.Value)
		for _, h := range r.Headers {
			text += fmt.Sprintf(" %s=%s", h.Key, show(h.Value))
		}
		want[fmt.Sprintf("%d/%d", r.Partition, r.Offset)] = text
	}
	return want
}

func text(millis int64, key, value []byte) string {
	return fmt.Sprintf("%d %s %s", millis, show(key), show(value))
}

func show(b []byte) string {
	if b == nil {
		return "null"
	}
	return fmt.Sprintf("%q", b)
}

// collect reads record batches until it has so many records, and gives their text.
func (r *reader) collect(records int) map[string]string {
	r.t.Helper()
	got := map[string]string{}
	decompressor := recordbatch.NewDecompressor(1 << 20)
	for len(got) < records {
		b, ok := r.next(10 * time.Second)
		if !ok {
			r.t.Fatalf("%d of %d records come", len(got), records)
		}
		reader, err := decompressor.CheckingReader(b.bytes())
		if err != nil {
			r.t.Fatal(err)
		}
		var rec recordbatch.Record
		for reader.Next(&rec) {
			text := text(rec.Timestamp, rec.Key, rec.Value)
			for k, v := range rec.Headers.All() {
				text += fmt.Sprintf(" %s=%s", k, show(v))
			}
			got[fmt.Sprintf("%d/%d", b.meta(contract.KafkaPartition), rec.Offset)] = text
		}
		if err := reader.Err(); err != nil {
			r.t.Fatal(err)
		}
		b.done(r.t)
	}
	return got
}

func same(t *testing.T, got, want map[string]string) {
	t.Helper()
	for at, text := range want {
		if got[at] != text {
			t.Fatalf("at %s there is %s, want %s", at, got[at], text)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("there are %d records, want %d", len(got), len(want))
	}
}

// What is delivered must be what franz-go's own consumer reads, for each codec.
func TestReadsWhatFranzGoReads(t *testing.T) {
	c := testenv.FakeKafka(t)
	for name, codec := range codecs {
		t.Run(name, func(t *testing.T) {
			topic := c.Topic(t, 3)
			records := fill(t, c, topic, 3, codec, 1)
			want := independent(t, c, topic, records)
			r := connected(t, c, topic, "")
			same(t, r.collect(records), want)
			r.nothing(100 * time.Millisecond)
		})
	}
}

// A record must come with its own place and time, and no header may look like
// them.
func TestEmitsRecords(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	records := fill(t, c, topic, 2, kgo.SnappyCompression(), 2)
	want := independent(t, c, topic, records)
	r := connected(t, c, topic, "emit: records")
	got := map[string]string{}
	for len(got) < records {
		b := r.must()
		for i, m := range b.messages {
			meta := func(key string) any {
				v, _ := m.MetaGetMut(key)
				return v
			}
			offset, ok := meta(contract.KafkaOffset).(int)
			if !ok || offset != b.meta(contract.KafkaOffset).(int)+i {
				t.Fatalf("message %d of the batch at %v has offset %v", i, b.meta(contract.KafkaOffset), meta(contract.KafkaOffset))
			}
			value, err := m.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			if meta(contract.KafkaTombstone) == true {
				value = nil
			} else if value == nil {
				value = []byte{}
			}
			key, _ := meta(contract.KafkaKey).([]byte)
			millis, _ := meta(contract.KafkaTimestamp).(int64)
			if seconds := meta(contract.KafkaTimestampUnix); seconds != millis/1000 {
				t.Errorf("%s is %v for %d ms", contract.KafkaTimestampUnix, seconds, millis)
			}
			text := text(millis, key, value)
			if header, ok := m.MetaGetMut("header_kafka_offset"); ok {
				if v, ok := m.MetaGetMut("null"); header != "7" || !ok || v != nil {
					t.Errorf("the headers are %v, %v", header, v)
				}
			}
			at := fmt.Sprintf("%d/%d", meta(contract.KafkaPartition), offset)
			if len(want[at]) < len(text) || want[at][:len(text)] != text {
				t.Errorf("at %s there is %s, want %s", at, text, want[at])
			}
			got[at] = text
		}
		b.done(t)
	}
	if len(got) != len(want) {
		t.Errorf("there are %d records, want %d", len(got), len(want))
	}
}
