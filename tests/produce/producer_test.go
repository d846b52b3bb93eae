package produce_test

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Kafka stores what is given with every codec and every acks, in order.
func TestCodecsAndAcks(t *testing.T) {
	c := testenv.Kafka(t)
	now := time.Now().UnixMilli()
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		for acks := int16(-1); acks <= 1; acks++ {
			t.Run(fmt.Sprintf("%v, acks %d", codec, acks), func(t *testing.T) {
				topic := c.Topic(t, 1)
				p := producing(t, c, func(conf *produce.Config) { conf.Codec, conf.Acks, conf.MaxBatchBytes = codec, acks, 5000 })
				var records []recordbatch.Record
				for i := range 200 {
					records = append(records, recordbatch.Record{
						Timestamp: now + int64(i), Key: fmt.Append(nil, i), Value: []byte(strings.Repeat("v", i)),
						Headers: recordbatch.RecordHeaders(nil).Append("a", fmt.Append(nil, i)).Append("null", nil),
					})
				}
				if refusals := write(t, p, topic, records...); len(refusals) > 0 {
					t.Fatal(refusals)
				}
				got := c.Read(t, topic, len(records))
				if len(got) != len(records) {
					t.Fatalf("%d records are stored", len(got))
				}
				for i, r := range got {
					if string(r.Key) != string(records[i].Key) || string(r.Value) != string(records[i].Value) || r.Timestamp.UnixMilli() != records[i].Timestamp ||
						len(r.Headers) != 2 || string(r.Headers[0].Value) != fmt.Sprint(i) || r.Headers[1].Value != nil {
						t.Fatalf("record %d is %+v", i, r)
					}
				}
			})
		}
	}
}

// stored reads what is stored of a topic, by value.
func stored(t *testing.T, c *testenv.Cluster, topic string, records int) map[string]*kgo.Record {
	t.Helper()
	got := map[string]*kgo.Record{}
	for _, r := range c.Read(t, topic, records) {
		if got[string(r.Value)] != nil {
			t.Errorf("%q is stored twice", r.Value)
		}
		got[string(r.Value)] = r
	}
	if len(got) != records {
		t.Errorf("%d records are stored, want %d", len(got), records)
	}
	return got
}

// A batch beyond max.message.bytes is sent in parts, and only a record that is too large by
// itself is refused.
func TestTooLarge(t *testing.T) {
	c := testenv.Kafka(t)
	topic := fmt.Sprintf("too-large-%d", time.Now().UnixNano())
	c.CreateTopic(t, topic, 1, map[string]string{"max.message.bytes": "1000"})
	p := producing(t, c, nil)
	var records []recordbatch.Record
	for i := range 100 {
		size := 50
		if i == 37 {
			size = 2000
		}
		records = append(records, recordbatch.Record{Timestamp: time.Now().UnixMilli(), Value: fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", size))})
	}
	refusals := write(t, p, topic, records...)
	if len(refusals) != 1 || refusals[0].Message != 37 || !strings.Contains(refusals[0].Err.Error(), "MESSAGE_TOO_LARGE") {
		t.Fatalf("refusals: %v", refusals)
	}
	got := stored(t, c, topic, 99)
	for i := 1; i < 100; i++ {
		if a, b := got[string(records[i-1].Value)], got[string(records[i].Value)]; a != nil && b != nil && a.Offset >= b.Offset {
			t.Errorf("record %d is stored before %d", i, i-1)
		}
	}
}

// Records that Kafka names are refused with its reason, and the others are stored, whatever
// they are compressed with.
func TestRefusedRecords(t *testing.T) {
	c := testenv.Kafka(t)
	now := time.Now()
	for codec := recordbatch.None; codec <= recordbatch.Zstd; codec++ {
		for _, test := range []struct {
			name    string
			configs map[string]string
			bad     recordbatch.Record
			want    string
		}{
			{"no key", map[string]string{"cleanup.policy": "compact"}, recordbatch.Record{Timestamp: now.UnixMilli()}, "INVALID_RECORD"},
			{"time too far ahead", map[string]string{"message.timestamp.after.max.ms": "3600000"}, recordbatch.Record{Timestamp: now.Add(24 * time.Hour).UnixMilli(), Key: []byte("k")}, "INVALID_TIMESTAMP"},
		} {
			t.Run(fmt.Sprintf("%v, %s", codec, test.name), func(t *testing.T) {
				topic := fmt.Sprintf("refused-%d", time.Now().UnixNano())
				c.CreateTopic(t, topic, 1, test.configs)
				p := producing(t, c, func(conf *produce.Config) { conf.Codec = codec })
				var records []recordbatch.Record
				for i := range 20 {
					r := recordbatch.Record{Timestamp: now.UnixMilli(), Key: []byte("k")}
					if i == 0 || i == 7 || i == 8 || i == 19 {
						r = test.bad
					}
					r.Value = fmt.Append(nil, i)
					records = append(records, r)
				}
				var refused []int
				for _, r := range write(t, p, topic, records...) {
					refused = append(refused, r.Message)
					if !strings.Contains(r.Err.Error(), test.want) {
						t.Error(r.Err)
					}
				}
				if fmt.Sprint(refused) != "[0 7 8 19]" {
					t.Errorf("refused: %v", refused)
				}
				stored(t, c, topic, 16)
			})
		}
	}
}

// A whole batch is stored with the compression it has; one that Kafka refuses is refused as
// one message, and does not hold up the next.
func TestWholeBatches(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 1)
	p := producing(t, c, func(conf *produce.Config) { conf.Codec = recordbatch.LZ4 })
	z, err := recordbatch.NewCompressor(recordbatch.Zstd, recordbatch.DefaultLevel)
	if err != nil {
		t.Fatal(err)
	}
	good, err := z.AppendCompressed(nil, batchOf(t, time.Now().UnixMilli(), "one", "two"))
	if err != nil {
		t.Fatal(err)
	}
	future := batchOf(t, time.Now().Add(48*time.Hour).UnixMilli(), "three", "four")
	call := p.Begin()
	to, err := call.Topic(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range [][]byte{good, future, batchOf(t, time.Now().UnixMilli(), "five")} {
		if err := call.AddBatch(to, 0, i, b); err != nil {
			t.Fatal(err)
		}
	}
	refusals, err := call.Wait(t.Context())
	if err != nil || len(refusals) != 1 || refusals[0].Message != 1 || !strings.Contains(refusals[0].Err.Error(), "INVALID_TIMESTAMP") {
		t.Errorf("%v, %v", refusals, err)
	}
	got := stored(t, c, topic, 3)
	if r := got["one"]; r == nil || r.Attrs.CompressionType() != uint8(recordbatch.Zstd) {
		t.Errorf("one is %+v", r)
	}
}

// Records that cannot be read under a right CRC are refused, though Kafka answers with an
// error of its own that could go away, and the next batch is stored.
func TestUnreadableBatch(t *testing.T) {
	c := testenv.Kafka(t)
	topic := c.Topic(t, 1)
	p := producing(t, c, nil)
	now := time.Now().UnixMilli()
	call := p.Begin()
	to, err := call.Topic(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for codec := recordbatch.Gzip; codec <= recordbatch.Zstd; codec++ {
		b := batchOf(t, now, "one", "two")
		binary.BigEndian.PutUint16(b[21:], uint16(codec)) // its records are not compressed
		binary.BigEndian.PutUint32(b[17:], crc32.Checksum(b[21:], crc32.MakeTable(crc32.Castagnoli)))
		if err := call.AddBatch(to, 0, int(codec), b); err != nil {
			t.Fatal(err)
		}
	}
	if err := call.AddBatch(to, 0, 9, batchOf(t, now, "three")); err != nil {
		t.Fatal(err)
	}
	refusals, err := call.Wait(t.Context())
	if err != nil || len(refusals) != 4 || refusals[3].Message != 4 {
		t.Errorf("%v, %v", refusals, err)
	}
	stored(t, c, topic, 1)
}
