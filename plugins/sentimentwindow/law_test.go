package sentimentwindow

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// logRecord is one record of a random topic.
type logRecord struct {
	partition, offset int
	brand             string
	sentiment         tweet.Sentiment
	millis            int64
	broken            bool
}

func (r logRecord) message() *service.Message {
	value := datum(r.brand, r.sentiment, r.millis)
	if r.broken {
		value = value[:len(value)-1]
	}
	return kafkaMessage("tweets", r.partition, r.offset, value)
}

// drawLog gives the partitions of a topic: offsets rise, with gaps as
// compaction and transactions leave them, and event times are out of order.
func drawLog(t *rapid.T) [][]logRecord {
	topic := make([][]logRecord, rapid.IntRange(1, 5).Draw(t, "partitions"))
	for p := range topic {
		offset := rapid.IntRange(0, 1<<40).Draw(t, "first offset")
		for range rapid.IntRange(0, 60).Draw(t, "records") {
			topic[p] = append(topic[p], logRecord{
				partition: p,
				offset:    offset,
				brand:     rapid.SampledFrom([]string{"SuperCoffee", "Tea, green", "a=b", "ÄÖ"}).Draw(t, "brand"),
				sentiment: tweet.Sentiment(rapid.IntRange(0, 2).Draw(t, "sentiment")),
				millis:    1_700_000_000_000 + rapid.Int64Range(-2500, 2500).Draw(t, "disorder"),
				broken:    rapid.IntRange(0, 20).Draw(t, "broken") == 0,
			})
			offset += rapid.IntRange(1, 3).Draw(t, "gap")
		}
	}
	return topic
}

// drawBatches cuts the partitions into batches, as a reader might, in one
// order of arrival.
func drawBatches(t *rapid.T, topic [][]logRecord) (batches [][]logRecord) {
	next := make([]int, len(topic))
	for {
		var open []int
		for p := range topic {
			if next[p] < len(topic[p]) {
				open = append(open, p)
			}
		}
		if len(open) == 0 {
			return batches
		}
		var batch []logRecord
		for range rapid.IntRange(1, 3).Draw(t, "partitions in a batch") {
			p := rapid.SampledFrom(open).Draw(t, "partition")
			n := min(rapid.IntRange(1, 30).Draw(t, "cut"), len(topic[p])-next[p])
			batch = append(batch, topic[p][next[p]:next[p]+n]...)
			next[p] += n
		}
		if len(batch) > 0 {
			batches = append(batches, batch)
		}
	}
}

// run gives the lines of all batches, and how many messages were refused.
func run(t *rapid.T, p *processor, batches [][]logRecord) (out []string, refused int) {
	for _, records := range batches {
		var batch service.MessageBatch
		for _, r := range records {
			batch = append(batch, r.message())
		}
		got, err := p.ProcessBatch(context.Background(), batch)
		if err != nil || len(got) != 1 {
			t.Fatalf("%d batches, error %v", len(got), err)
		}
		for _, m := range got[0] {
			if m.GetError() != nil {
				refused++
				continue
			}
			b, err := m.AsBytes()
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")...)
		}
	}
	return out, refused
}

// The law, over random partitions, offsets, disorder and cuts: in one reading
// no two points share series and timestamp, each lies in the window of its
// tweets, and the counts are those of the log. Broken records spoil nothing.
func TestStampLawHoldsForAnyReading(t *testing.T) {
	for _, emit := range []string{emitWindows, emitTweets} {
		t.Run(emit, func(t *testing.T) {
			p := testProcessor(t, "emit: "+emit)
			rapid.Check(t, func(t *rapid.T) {
				topic := drawLog(t)
				want, broken := make(map[string]int), 0
				for _, records := range topic {
					for _, r := range records {
						if r.broken {
							broken++
							continue
						}
						series := string(newSeriesCache("tweets", "").of([]byte(r.brand)).prefix[r.sentiment])
						want[series+strconv.FormatInt(r.millis/1000, 10)]++
					}
				}

				out, refused := run(t, p, drawBatches(t, topic))
				if refused != broken {
					t.Fatalf("%d messages are refused, %d records are broken", refused, broken)
				}
				seen := make(map[string]bool)
				for _, line := range out {
					stamp := line[strings.LastIndexByte(line, ' ')+1:]
					series := line[:strings.Index(line, " count=")+1]
					if seen[series+stamp] {
						t.Fatalf("two points have the series and time of %s", line)
					}
					seen[series+stamp] = true
					want[series+stamp[:10]] -= count(t, line[len(series):])
				}
				for key, n := range want {
					if n != 0 {
						t.Fatalf("%q is off by %d", key, -n)
					}
				}
			})
		})
	}
}

// count reads the integer of `count=12i...`.
func count(t *rapid.T, fields string) int {
	digits, _, _ := strings.Cut(strings.TrimPrefix(fields, "count="), "i")
	n, err := strconv.Atoi(digits)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// With one point a tweet, the log alone decides what is stored: any two
// readings, however they are cut, give the same points, so a replay after a
// crash changes nothing.
func TestTweetsAreTheSameInAnyReading(t *testing.T) {
	p, other := testProcessor(t, "emit: tweets"), testProcessor(t, "emit: tweets")
	rapid.Check(t, func(t *rapid.T) {
		topic := drawLog(t)
		first, _ := run(t, p, drawBatches(t, topic))
		second, _ := run(t, other, drawBatches(t, topic))
		slices.Sort(first)
		slices.Sort(second)
		if !slices.Equal(first, second) {
			t.Fatalf("two readings differ:\n%q\n%q", first, second)
		}
	})
}
