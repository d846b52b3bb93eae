package kafkabatch

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What is in flight must stay within the budget however much there is to read,
// and more is fetched as it is acknowledged.
func TestBytesInFlightAreBounded(t *testing.T) {
	for _, codec := range []string{"none", "zstd"} {
		t.Run(codec, func(t *testing.T) {
			c := testenv.FakeKafka(t)
			topic := c.Topic(t, 1)
			for range 40 {
				produceValue(t, c, topic, codecs[codec], noise(10_000))
			}
			r := connected(t, c, topic, "max_in_flight_bytes: 100KB\nfetch_max_partition_bytes: 15KB")
			var got []read
			for range 40 {
				b, ok := r.next(500 * time.Millisecond)
				if !ok {
					break
				}
				got = append(got, b)
			}
			if len(got) < 4 || len(got) > 8 {
				t.Errorf("%d batches of 10 kB come before one is acknowledged, want about 5", len(got))
			}
			// One batch more, or the response that it came in, may have been under way.
			if used := r.in.current().budget.InUse(); used < 50_000 || used > 70_000 {
				t.Errorf("%d bytes are in use where fetching waits from 50,000 on", used)
			}
			for i := 0; i < len(got); i++ {
				got[i].done(t)
				if len(got) < 40 && i == len(got)-1 {
					got = append(got, r.must())
				}
			}
			if used := r.in.current().budget.InUse(); used != 0 {
				t.Errorf("%d bytes are in use at the end", used)
			}
		})
	}
}

// noise is bytes that no codec makes smaller.
func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte{}).Read(b)
	return b
}

// What a batch becomes counts, too: a small one can be of very many records, which
// as messages take a hundred times the memory. What would break: a few such batches
// take all memory, or all of them wait for each other.
func TestMessagesOfRecordsAreBounded(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	for range 5 {
		produceWith(t, c, topic, kgo.ZstdCompression(), 0, 300) // 300 KiB of messages
	}
	r := connected(t, c, topic, "emit: records\nmax_in_flight_bytes: 100KiB")
	held := r.must() // which exceeds the budget alone
	r.nothing(200 * time.Millisecond)
	for range 4 {
		held.done(t)
		held = r.must()
	}
	held.done(t)
	if used := r.in.current().budget.InUse(); used != 0 {
		t.Errorf("%d bytes are in use at the end", used)
	}
	r.close()
	if o := committedOf(t, c, topic, 0); o.At != 1500 {
		t.Errorf("%d is committed, want 1,500: batches that waited for room have gone astray", o.At)
	}
}

// What is charged for a message must not be less than it takes.
func TestMessagesTakeNoMoreThanIsCharged(t *testing.T) {
	const records, headers = 2000, 20
	var many []recordbatch.Record
	for i := range int64(records) {
		r := recordbatch.Record{Offset: i, Timestamp: 1000, Key: []byte("k"), Value: []byte("v")}
		if i%2 == 0 {
			for h := range headers {
				r.Headers = r.Headers.Append(fmt.Sprintf("header %d", h), []byte("value"))
			}
		}
		many = append(many, r)
	}
	plain, err := recordbatch.AppendBatch(nil, recordbatch.Header{ProducerID: -1}, many...)
	if err != nil {
		t.Fatal(err)
	}
	becomes, err := checkRecords(plain)
	if err != nil {
		t.Fatal(err)
	}
	header, err := recordbatch.ParseHeader(plain)
	if err != nil {
		t.Fatal(err)
	}
	tracker, c := begun(0)
	c.Enqueue(&track.Batch{Header: header, Bytes: plain}, track.Position{Offset: records})
	b := tracker.Next()
	var messages service.MessageBatch
	took := testenv.HeapOf(func() { messages, err = messagesOf(b, emitRecords) })
	if err != nil || len(messages) != records {
		t.Fatalf("%d messages, %v", len(messages), err)
	}
	t.Logf("%d bytes a message, %d are charged", took/records, becomes/records)
	if took > becomes || becomes > 4*took {
		t.Errorf("%d messages take %d bytes, %d are charged", records, took, becomes)
	}
}

// A batch must be as in the log, and in memory of its own: what a component keeps
// of a message is not overwritten, and keeps no response of many times its size.
func TestABatchIsAsInTheLogInMemoryOfItsOwn(t *testing.T) {
	for name, codec := range codecs {
		c := testenv.FakeKafka(t)
		topic := c.Topic(t, 1)
		produceValue(t, c, topic, codec, bytes.Repeat([]byte(name), 1000))
		produceValue(t, c, topic, codec, bytes.Repeat([]byte(name), 1000))
		var wire []byte // of both, as the broker gives it
		changed := false
		changeFetches(t, c, func(p *kmsg.FetchResponseTopicPartition) {
			if !changed {
				wire, changed = bytes.Clone(p.RecordBatches), true
			}
		})
		r := connected(t, c, topic, "")
		var got []byte
		for range 2 {
			b := r.must()
			if content := b.bytes(); cap(content) > len(content)+len(content)/8+64 {
				t.Errorf("%s: a batch of %d bytes keeps %d", name, len(content), cap(content))
			}
			got = append(got, b.bytes()...)
			b.done(t)
		}
		if !bytes.Equal(got, wire) {
			t.Errorf("%s: %d bytes are delivered that are not the %d of the log", name, len(got), len(wire))
		}
		r.close()
	}
}
