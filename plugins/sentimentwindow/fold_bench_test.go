package sentimentwindow

import (
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// encodedTweets gives n tweets as the generator makes them: one millisecond,
// six texts, in mixed order.
func encodedTweets(n, brands int) [][]byte {
	out := make([][]byte, n)
	for i := range out {
		tw := tweet.Tweet{
			ID:        fmt.Appendf(nil, "3f2504e0-4f89-41d3-9a0c-%012d", i),
			Text:      []byte("Best coffee I've had all year, SuperCoffee is amazing!"),
			Brand:     fmt.Appendf(nil, "SuperCoffee%d", i%brands),
			Sentiment: tweet.Sentiment(i * 7 % 3),
			Millis:    1_700_000_000_123,
		}
		if brands == 1 {
			tw.Brand = []byte("SuperCoffee")
		}
		out[i] = tw.AppendAvro(nil)
	}
	return out
}

func reportTweets(b *testing.B, perIteration int) {
	b.ReportAllocs()
	b.ReportMetric(float64(perIteration)*float64(b.N)/b.Elapsed().Seconds(), "tweets/s")
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(perIteration), "ns/tweet")
}

// Decode and fold of one batch, without Benthos around it.
func BenchmarkDecodeAndFold(b *testing.B) {
	for _, brands := range []int{1, 20} {
		b.Run(fmt.Sprintf("brands=%d", brands), func(b *testing.B) {
			law, err := stamp.New(time.Second, 64)
			if err != nil {
				b.Fatal(err)
			}
			batch := encodedTweets(8000, brands)
			f, cache := fold{law: law}, newSeriesCache("tweets", "")
			var t tweet.Tweet
			for b.Loop() {
				for _, datum := range batch {
					if err := t.DecodeAvro(datum); err != nil {
						b.Fatal(err)
					}
					if err := f.add(&t, cache.of(t.Brand)); err != nil {
						b.Fatal(err)
					}
				}
				f.reset()
			}
			reportTweets(b, len(batch))
		})
	}
}

// Decode, stamp and write of one point a tweet, without Benthos around it.
func BenchmarkDecodeAndAppendTweet(b *testing.B) {
	law, err := stamp.New(time.Second, 64)
	if err != nil {
		b.Fatal(err)
	}
	batch := encodedTweets(8000, 1)
	cache := newSeriesCache("tweets", "")
	var t tweet.Tweet
	var lines []byte
	for b.Loop() {
		lines = lines[:0]
		for i, datum := range batch {
			if err := t.DecodeAvro(datum); err != nil {
				b.Fatal(err)
			}
			nanos, err := law.At(t.Millis, int64(i), 3)
			if err != nil {
				b.Fatal(err)
			}
			lines = appendTweet(lines, cache.of(t.Brand), &t, nanos)
		}
	}
	reportTweets(b, len(batch))
}

// The whole processor on messages as the redpanda input makes them.
func BenchmarkProcessBatch(b *testing.B) {
	for _, emit := range []string{emitWindows, emitTweets} {
		b.Run("emit="+emit, func(b *testing.B) {
			p := testProcessor(b, "emit: "+emit)
			batch := make(service.MessageBatch, 0, 8000)
			for i, datum := range encodedTweets(8000, 1) {
				batch = append(batch, kafkaMessage("tweets", 3, i, datum))
			}
			for b.Loop() {
				if _, err := p.ProcessBatch(b.Context(), batch); err != nil {
					b.Fatal(err)
				}
			}
			reportTweets(b, len(batch))
		})
	}
}

// encodedBatch is a record batch of n tweets as the generator, a producer and
// kafka_batches make it.
func encodedBatch(t failer, n, brands int) *service.Message {
	records := make([]recordbatch.Record, n)
	for i, datum := range encodedTweets(n, brands) {
		records[i] = recordbatch.Record{Offset: int64(i), Timestamp: 1_700_000_000_123, Value: datum}
	}
	return batchMessage(t, "tweets", 3, recordbatch.Header{ProducerID: -1}, records...)
}

// Walk, decode and fold of the records of a batch, without Benthos around it:
// beside BenchmarkDecodeAndFold it shows what the walk costs, and the check of
// the CRC.
func BenchmarkWalkDecodeAndFold(b *testing.B) {
	for _, crc := range []bool{false, true} {
		b.Run(fmt.Sprintf("crc=%t", crc), func(b *testing.B) {
			content, err := encodedBatch(b, 8000, 1).AsBytes()
			if err != nil {
				b.Fatal(err)
			}
			f, cache := fold{law: secondLaw(b)}, newSeriesCache("tweets", "")
			var t tweet.Tweet
			var rec recordbatch.Record
			for b.Loop() {
				if crc {
					if _, err := recordbatch.Check(content); err != nil {
						b.Fatal(err)
					}
				}
				r, err := recordbatch.NewReader(content)
				if err != nil {
					b.Fatal(err)
				}
				for r.Next(&rec) {
					if err := t.DecodeAvro(rec.Value); err != nil {
						b.Fatal(err)
					}
					if err := f.add(&t, cache.of(t.Brand)); err != nil {
						b.Fatal(err)
					}
				}
				if err := r.Err(); err != nil {
					b.Fatal(err)
				}
				f.reset()
			}
			reportTweets(b, 8000)
		})
	}
}

// The whole processor on record batches as kafka_batches makes them. A producer
// that does not wait fills batches of 16 KB, 130 of these tweets; one that
// lingers fills a megabyte.
func BenchmarkProcessRecordBatch(b *testing.B) {
	for _, emit := range []string{emitWindows, emitTweets} {
		for _, size := range []int{130, 1000, 8000} {
			b.Run(fmt.Sprintf("emit=%s/records=%d", emit, size), func(b *testing.B) {
				p := testProcessor(b, "message: record_batch\nemit: "+emit)
				batch := service.MessageBatch{encodedBatch(b, size, 1)}
				for b.Loop() {
					if _, err := p.ProcessBatch(b.Context(), batch); err != nil {
						b.Fatal(err)
					}
				}
				reportTweets(b, size)
			})
		}
	}
}
