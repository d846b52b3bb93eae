package tweetgen

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/compression"
	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// packed returns the records of a batch, and checks each of its record batches as the
// output kafka_batches and a broker do.
func packed(t rapid.TB, b *batch, limit int) []recordbatch.Record {
	t.Helper()
	decompressor, producible := recordbatch.NewDecompressor(64<<20), recordbatch.NewProducible(64<<20)
	var records []recordbatch.Record
	start := uint32(0)
	for i, end := range b.ends {
		raw := b.data[start:end]
		start = end
		sent, err := producible.Append(nil, raw)
		if err != nil {
			t.Fatalf("the output refuses record batch %d: %v", i, err)
		}
		if !bytes.Equal(sent, raw) {
			t.Fatalf("the output changes record batch %d", i)
		}
		var theirs kmsg.RecordBatch
		if err := theirs.ReadFrom(raw); err != nil || int(theirs.NumRecords) != b.records[i] {
			t.Fatalf("franz-go reads record batch %d as one of %d records, %v, want %d", i, theirs.NumRecords, err, b.records[i])
		}
		r, err := decompressor.Reader(raw)
		if err != nil {
			t.Fatal(err)
		}
		plain, rec := recordbatch.HeaderSize, recordbatch.Record{}
		for r.Next(&rec) {
			plain += recordbatch.MaxRecordSize(len(rec.Key), len(rec.Value), len(rec.Headers)) - 36
			records = append(records, recordbatch.Record{
				Timestamp: rec.Timestamp, Key: bytes.Clone(rec.Key), Value: bytes.Clone(rec.Value), Headers: bytes.Clone(rec.Headers),
			})
		}
		if err := r.Err(); err != nil {
			t.Fatal(err)
		}
		if plain > limit {
			t.Fatalf("record batch %d has at least %d bytes, more than %d", i, plain, limit)
		}
	}
	if start != uint32(len(b.data)) {
		t.Fatalf("%d bytes are behind the last record batch", len(b.data)-int(start))
	}
	return records
}

// If this fails, the same seed gives other tweets, or in another order, with record_batch
// than with record, or messages that the output does not write as they are.
func TestRecordBatchesHoldTheTweetsOfRecords(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := config{
			message:       contract.RecordBatch,
			maxBatchBytes: rapid.IntRange(400, 20_000).Draw(t, "limit"),
			codec:         recordbatch.Codec(rapid.IntRange(0, int(recordbatch.Zstd)).Draw(t, "codec")),
			level:         recordbatch.DefaultLevel,
		}
		encoding := rapid.SampledFrom([]string{encodingAvro, encodingSingleObject, encodingJSON}).Draw(t, "encoding")
		brands := []brand{{"SuperCoffee", 3}, {"MegaTea", 1}}[:rapid.IntRange(1, 2).Draw(t, "brands")]
		g := plainGenerator(rapid.Uint64().Draw(t, "seed"), encoding, builtin, brands)
		mix := fixedMix{shares: anyShares(t)}
		packer, err := newPacker(g, &c)
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // the memory is used again
			p := wholeBatch(rapid.Int64Range(0, maxBatches-1).Draw(t, "k"), mix.next(rapid.IntRange(1, 300).Draw(t, "size")))
			p.from = rapid.IntRange(0, p.to-1).Draw(t, "from")
			p.to = rapid.IntRange(p.from+1, p.to).Draw(t, "to")
			millis := rapid.Int64Range(0, tweet.MaxMillis).Draw(t, "millis")
			want := generated(g, p, millis)
			got := packed(t, packer.pack(p, millis), c.maxBatchBytes)
			if len(got) != len(want) {
				t.Fatalf("%d tweets instead of %d", len(got), len(want))
			}
			for i := range got {
				if !bytes.Equal(got[i].Value, want[i]) || got[i].Timestamp != millis {
					t.Fatalf("tweet %d is %q at %d, want %q at %d", i, got[i].Value, got[i].Timestamp, want[i], millis)
				}
			}
		}
	})
}

// If this fails, a generated batch that does not fit is cut into small record batches, or
// 8,000 tweets are no longer one that a topic accepts by default.
func TestRecordBatchesAreFull(t *testing.T) {
	const topicTakes = 1_048_588
	in := newTestInput(t, testConfig(t, "message: record_batch\nbatch_size: 20000"))
	p, due, _, _ := in.workers.pacer.next()
	b := in.makers[0](p, due).batch
	start := uint32(0)
	for i, end := range b.ends {
		size := int(end - start)
		start = end
		if size > topicTakes || i < len(b.ends)-1 && (size < topicTakes-300 || b.records[i] < 8000) {
			t.Errorf("record batch %d of %d has %d tweets, %d bytes", i, len(b.ends), b.records[i], size)
		}
	}
	if len(b.ends) != 3 || len(b.data) > cap(b.data) || cap(b.data) > len(b.data)+len(b.data)/20 {
		t.Errorf("%d record batches, %d bytes in memory of %d", len(b.ends), len(b.data), cap(b.data))
	}
}

// If this fails, an output that expects records writes a record batch as one.
func TestARecordBatchIsMarked(t *testing.T) {
	in := newTestInput(t, testConfig(t, "message: record_batch\nbatch_size: 20000"))
	p, due, _, _ := in.workers.pacer.next()
	total := 0
	for _, m := range in.makers[0](p, due).messages {
		n, _ := m.MetaGetMut(contract.KafkaBatchRecords)
		records, genuine := n.(int)
		b, err := m.AsBytes()
		if err != nil || !genuine {
			t.Fatalf("the number of records is %v, a %[1]T: %v", n, err)
		}
		if h, err := recordbatch.Check(b); err != nil || int(h.Records) != records || cap(b) != len(b) {
			t.Errorf("%d records in the metadata, %d in the batch, %v; room for %d bytes behind it", records, h.Records, err, cap(b)-len(b))
		}
		total += records
	}
	if total != 20_000 {
		t.Errorf("%d tweets instead of 20,000", total)
	}
}

// If this fails, tweets are counted by message, or a nack redelivers other bytes.
func TestRecordBatchesAreRedeliveredWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := started(t, "message: record_batch\nmax_batch_bytes: 20KiB\nbatch_size: 1000\ncount: 2500\nworkers: 1\ncompression: snappy")
		var first []byte
		for n := 0; ; n++ {
			msgs, ack, err := in.ReadBatch(t.Context())
			if errors.Is(err, service.ErrEndOfInput) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			content := bytesOf(t, msgs)
			if n == 0 {
				first = bytes.Clone(content)
				if len(msgs) < 3 {
					t.Errorf("%d messages of 20 KiB for 1,000 tweets", len(msgs))
				}
			}
			if n == 1 && !bytes.Equal(content, first) {
				t.Error("a redelivery has other bytes")
			}
			var nack error
			if n == 0 {
				nack = errRefused
			}
			if err := ack(context.Background(), nack); err != nil {
				t.Fatal(err)
			}
			if n == 0 {
				time.Sleep(maxBackoff)
			}
		}
		if g, d, e := in.tally.generated.Load(), in.tally.delivered.Load(), in.tally.errors.Load(); g != 2500 || d != 2500 || e != 1 {
			t.Errorf("%d generated, %d delivered, %d errors", g, d, e)
		}
	})
}

// If this fails, a generator that is late hides it: consumers measure the latency from
// the timestamps.
func TestLateTweetsHaveTheTimeTheyWereDue(t *testing.T) {
	for _, message := range []string{messageRecord, contract.RecordBatch} {
		t.Run(message, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				in := started(t, "message: "+message+"\nrate: 1000\nbatch_size: 100\ncount: 1000\nworkers: 1\nmax_in_flight: 1")
				start := time.Now().UnixMilli()
				for k := range int64(10) {
					msgs, ack, err := in.ReadBatch(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					b := bytesOf(t, msgs[:1])
					if message == contract.RecordBatch {
						h, err := recordbatch.ParseHeader(b)
						if err != nil || h.MaxTimestamp != start+100*k {
							t.Errorf("record batch %d is of %d ms, %v, due after %d ms", k, h.MaxTimestamp-start, err, 100*k)
						}
						b = packed(t, &batch{data: b, ends: []uint32{uint32(len(b))}, records: []int{100}}, 1<<20)[0].Value
					}
					var tw tweet.Tweet
					if err := tw.DecodeAvro(b); err != nil || tw.Millis != start+100*k {
						t.Errorf("batch %d is of %d ms, %v, due after %d ms", k, tw.Millis-start, err, 100*k)
					}
					if k == 2 {
						time.Sleep(700 * time.Millisecond) // the pipeline is slow
					}
					if err := ack(context.Background(), nil); err != nil {
						t.Fatal(err)
					}
				}
			})
		})
	}
}

// If this fails, each tweet costs the collector.
func TestPackingDoesNotAllocatePerTweet(t *testing.T) {
	for _, codec := range compression.Names {
		c := testConfig(t, "message: record_batch\nbatch_size: 8000\ncompression: "+codec)
		g := newGenerator(1, &c.content)
		packer, err := newPacker(g, &c)
		if err != nil {
			t.Fatal(err)
		}
		p := wholeBatch(0, counts{4000, 2400, 1600})
		var packs [][]uint32
		n := testing.AllocsPerRun(10, func() {
			p.k++
			packs = append(packs, packer.pack(p, 1767225600000).ends)
		})
		if n > 12 {
			t.Errorf("%s: %v allocations for a batch of 8,000", codec, n)
		}
		if slices.ContainsFunc(packs, func(ends []uint32) bool { return len(ends) != 1 }) {
			t.Errorf("%s: 8,000 tweets are %v record batches", codec, packs)
		}
	}
}
