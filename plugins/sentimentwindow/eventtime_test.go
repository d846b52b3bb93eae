package sentimentwindow

import (
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// The latency that a dashboard shows is that of the newest tweet behind a message:
// any other event time is a second or more off, and the time of a message without
// tweets would be a latency of decades.
func TestEventTimeIsThatOfTheNewestTweet(t *testing.T) {
	const second = int64(1_700_000_000_000)
	records := func() service.MessageBatch {
		return service.MessageBatch{
			kafkaMessage("tweets", 3, 10, datum("Tea", tweet.Negative, second+5)),
			kafkaMessage("tweets", 3, 11, datum("Tea", tweet.Positive, second+1700)),
			kafkaMessage("tweets", 3, 12, datum("Tea", tweet.Positive, second+999)),
			kafkaMessage("tweets", 3, 13, datum("Ale", tweet.Neutral, second+998)),
			kafkaMessage("tweets", 4, 7, datum("Tea", tweet.Positive, -second)),
		}
	}
	recordBatches := func() service.MessageBatch {
		return service.MessageBatch{
			batchMessage(t, "tweets", 3, recordbatch.Header{BaseOffset: 10, ProducerID: -1},
				recordAt(10, datum("Tea", tweet.Negative, second+5), second),
				recordAt(11, datum("Tea", tweet.Negative, second+4), second),
				recordAt(12, []byte("no tweet"), second+9000)),
			batchMessage(t, "tweets", 3, recordbatch.Header{BaseOffset: 20, ProducerID: -1}, recordAt(20, []byte("no tweet"), second)),
		}
	}
	for _, c := range []struct {
		name, yaml string
		batch      service.MessageBatch
		want       []any // of each message of points; nil: none
	}{
		{"windows as lines", "", records(), []any{second + 1700, -second}},
		{"windows as points, by window and brand", "output: points", records(),
			[]any{second + 998, second + 999, second + 999, second + 1700, -second}},
		{"tweets as lines", "emit: tweets", records(), []any{second + 1700, -second}},
		{"tweets as points", "emit: tweets\noutput: points", records(),
			[]any{second + 5, second + 1700, second + 999, second + 998, -second}},
		{"record batches, the second without a tweet", batches, recordBatches(), []any{second + 5, nil}},
		{"record batches as points", batches + "output: points", recordBatches(), []any{second + 5, nil, nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			points, _ := process(t, testProcessor(t, c.yaml), c.batch...)
			if len(points) != len(c.want) {
				t.Fatalf("%d messages of points, want %d", len(points), len(c.want))
			}
			for i, m := range points {
				if got, _ := m.MetaGetMut(contract.EventTime); got != c.want[i] {
					t.Errorf("message %d has the event time %v (%T), want %v", i, got, got, c.want[i])
				}
			}
		})
	}
}

// A folder is used again for the next batch, and must not remember how new the
// tweets of the one before were.
func TestEventTimeForgetsTheBatchBefore(t *testing.T) {
	processors := []*processor{
		testProcessor(t, ""), testProcessor(t, "emit: tweets"), testProcessor(t, "emit: tweets\noutput: points"),
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, p := range processors {
			for range 3 {
				newest := int64(-1 << 62)
				var batch service.MessageBatch
				for i, millis := range rapid.SliceOfN(rapid.Int64Range(-2_000_000_000_000, 2_000_000_000_000), 1, 20).Draw(t, "times") {
					newest = max(newest, millis)
					batch = append(batch, kafkaMessage("tweets", 1, i, datum("Tea", tweet.Neutral, millis)))
				}
				out, err := p.ProcessBatch(t.Context(), batch)
				if err != nil {
					t.Fatal(err)
				}
				got := int64(-1 << 62)
				for _, m := range out[0] {
					v, _ := m.MetaGetMut(contract.EventTime)
					got = max(got, v.(int64))
				}
				if got != newest {
					t.Fatalf("the newest event time is %d, want %d", got, newest)
				}
			}
		}
	})
}
