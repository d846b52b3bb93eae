package sentimentwindow

import (
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

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
