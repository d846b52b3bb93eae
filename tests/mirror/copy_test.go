package mirror_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

var codecs = []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}

// odd makes records with everything that a record may have.
func odd(random *rand.Rand, partition int32, n int) (records []*kgo.Record) {
	field := func() []byte {
		switch random.IntN(4) {
		case 0:
			return nil
		case 1:
			return []byte{}
		default:
			return bytes.Repeat([]byte{byte(random.IntN(256)), 'x'}, random.IntN(100))
		}
	}
	for range n {
		r := &kgo.Record{Partition: partition, Key: field(), Value: field(), Timestamp: time.UnixMilli(1_700_000_000_000 + random.Int64N(1_000_000))}
		for range random.IntN(3) {
			r.Headers = append(r.Headers, kgo.RecordHeader{Key: strings.Repeat("h", random.IntN(3)), Value: field()})
		}
		records = append(records, r)
	}
	return records
}

// If this fails, a copy has other records than its source, or in another order.
func TestCopies(t *testing.T) {
	l := start(t)
	t.Run("every codec and transactions", func(t *testing.T) {
		const partitions = 4
		from, to := l.pair(t, partitions, nil, nil)
		random := rand.New(rand.NewPCG(1, 2))
		for i, codec := range codecs {
			for range 10 {
				l.send(t, from, codec, odd(random, random.Int32N(partitions), 1+random.IntN(200)))
			}
			for p := range int32(partitions) {
				l.transact(t, from, fmt.Sprint("committed ", i, p), kgo.TryCommit, codec, odd(random, p, 50)...)
				l.transact(t, from, fmt.Sprint("aborted ", i, p), kgo.TryAbort, codec, odd(random, p, 50)...)
			}
		}
		l.finish(t, from, partitions)
		program := l.mirror(t, from, to, nil)
		if n := l.compare(t, from, to, partitions); n < 2000 {
			t.Errorf("only %d records", n)
		}
		l.copied(t, from, to)
		if code := program.Stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
	})
	t.Run("the broker's time", func(t *testing.T) {
		from, to := l.pair(t, 1, map[string]string{"message.timestamp.type": "LogAppendTime"}, nil)
		random := rand.New(rand.NewPCG(3, 4))
		for _, codec := range codecs {
			l.send(t, from, codec, odd(random, 0, 100))
		}
		l.finish(t, from, 1)
		l.mirror(t, from, to, nil)
		l.compare(t, from, to, 1)
	})
	t.Run("a compacted topic", func(t *testing.T) { l.copyCompacted(t) })
	t.Run("batches beyond the target's limit", func(t *testing.T) {
		from, to := l.pair(t, 2, nil, map[string]string{"max.message.bytes": "5000"})
		random := rand.New(rand.NewPCG(5, 6))
		for _, codec := range codecs {
			records := odd(random, 1, 2000)
			for _, r := range records {
				noise := make([]byte, 50)
				for i := range noise {
					noise[i] = byte(random.IntN(256))
				}
				r.Value = noise // which no codec makes smaller
			}
			l.send(t, from, codec, records)
		}
		l.finish(t, from, 2)
		l.mirror(t, from, to, nil)
		l.compare(t, from, to, 2)
	})
}

// copyCompacted copies batches that the log cleaner has taken records from, at their
// beginning, in their middle and at their end.
func (l *lab) copyCompacted(t *testing.T) {
	from, to := l.pair(t, 1, map[string]string{
		"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.01", "segment.ms": "500", "delete.retention.ms": "600000",
	}, nil)
	const size = 40
	written := 0
	for _, codec := range codecs {
		for _, overwritten := range []func(i int) bool{
			func(i int) bool { return i < 10 },
			func(i int) bool { return i%3 == 1 },
			func(i int) bool { return i >= size-10 },
			func(i int) bool { return true },
		} {
			written++
			var batch, again []*kgo.Record
			for i := range size {
				r := &kgo.Record{Key: fmt.Appendf(nil, "%d %d", written, i), Value: bytes.Repeat([]byte{'v'}, i), Headers: []kgo.RecordHeader{{Key: "h", Value: []byte("x")}}}
				if i%7 == 0 {
					r.Value = nil // a tombstone
				}
				batch = append(batch, r)
				if overwritten(i) {
					again = append(again, &kgo.Record{Key: r.Key, Value: []byte("again")})
				}
			}
			l.send(t, from, codec, batch, again)
		}
	}
	// The segment that is written to is not cleaned: another record after segment.ms
	// begins a new one.
	time.Sleep(time.Second)
	l.finish(t, from, 1)
	all, err := l.Records(t.Context(), from)
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	testenv.Eventually(t, 30*time.Second, "the topic is compacted", func() error {
		// One record of each key is left, and the last record.
		if kept = len(l.read(t, from, 1)[0]); kept != written*size+1 {
			return fmt.Errorf("it has %d of %d records", kept, all)
		}
		return nil
	})
	l.mirror(t, from, to, nil)
	if n := l.compare(t, from, to, 1); n != kept {
		t.Errorf("%d records, and %d before the copy", n, kept)
	}
	t.Logf("%d of %d records were left", kept, all)
}
