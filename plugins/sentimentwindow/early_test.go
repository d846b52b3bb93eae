package sentimentwindow

import (
	"bytes"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Timestamps that cannot be meant are counted, since history may be, but not
// without a word: once, with the field to change, and not for each of them.
func TestTweetsOf1970AreMentioned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it begins in the year 2000
		time.Sleep(26 * 365 * 24 * time.Hour)
		now := time.Now().UnixMilli()
		for name, tc := range map[string]struct {
			yaml   string
			millis int64
			says   []string
		}{
			"in seconds":           {"", now / 1000, []string{"in seconds it would be " + time.UnixMilli(now).UTC().Format(time.RFC3339), "field `timestamp`", "`timestamp_bounds`", "topic tweets, partition 3, from offset 0"}},
			"seconds of last week": {"", now/1000 - 7*86400, []string{"in seconds it would be "}},
			"32 bits, signed":      {"", int64(int32(now)), []string{"truncated to 32 bits"}},
			"32 bits, unsigned":    {"", int64(uint32(now)), []string{""}},
			"never set":            {"", 0, []string{"never set"}},
			"JSON":                 {"encoding: json", now / 1000, []string{"member `timestamp`", "`mapping`"}},
			"mapped":               {"encoding: json\nmapping: root = this", now / 1000, []string{"`root.timestamp` in `mapping`", "* 1000"}},
			"tweets":               {"emit: tweets", now / 1000, []string{"in seconds"}},
			"windows of a day":     {"window: 24h", now / 1000, []string{"in seconds"}},
			"batches":              {"message: record_batch", now / 1000, []string{"in seconds"}},
			"milliseconds":         {"", now, nil},
			"of 1985":              {"", 500_000_000_000, nil},
			"of 1960":              {"", -300_000_000_000, nil},
			"of the year 2100":     {"", 4_102_444_800_000, nil},
		} {
			var out bytes.Buffer
			p := loggedProcessor(t, tc.yaml, &out)
			tw := tweet.Tweet{ID: []byte("i"), Text: []byte("t"), Brand: []byte("Tea"), Sentiment: tweet.Negative, Millis: tc.millis}
			value := tw.AppendAvro(nil)
			if strings.Contains(tc.yaml, "json") {
				value = tw.AppendJSON(nil)
			}
			counted := int64(0)
			for range 30 { // in a minute
				m := kafkaMessage("tweets", 3, 0, value)
				if strings.Contains(tc.yaml, contract.RecordBatch) {
					m = batchMessage(t, "tweets", 3, recordbatch.Header{}, recordAt(0, value, now))
				}
				folds, refused := process(t, p, m)
				if len(folds) != 1 || len(refused) > 0 {
					t.Fatalf("%s: it is not counted", name)
				}
				counted++
				time.Sleep(2 * time.Second)
			}
			want := 0
			if tc.says != nil {
				want = 1
			}
			if got := strings.Count(out.String(), "first weeks of 1970"); got != want {
				t.Errorf("%s: %d warnings for %d tweets, want %d:\n%s", name, got, counted, want, &out)
			}
			for _, says := range tc.says {
				if !strings.Contains(out.String(), says) {
					t.Errorf("%s: %s does not say %q", name, &out, says)
				}
			}
		}
	})
}

// The metric counts each of them, and the warning comes again, with how many.
func TestTweetsOf1970AreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(26 * 365 * 24 * time.Hour)
		var out bytes.Buffer
		p := loggedProcessor(t, "", &out)
		for range 100 {
			f := p.folders.Get().(*folder)
			if err := p.countRecords(t.Context(), f, service.MessageBatch{
				kafkaMessage("tweets", 3, 0, datum("Tea", tweet.Negative, 5)), kafkaMessage("tweets", 3, 1, datum("Tea", tweet.Negative, time.Now().UnixMilli())),
				kafkaMessage("tweets", 3, 2, datum("Tea", tweet.Neutral, 7)),
			}); err != nil {
				t.Fatal(err)
			}
			_ = f.messages()
			if f.tally.early.count != 2 {
				t.Fatalf("%d tweets of 1970 are counted, want 2", f.tally.early.count)
			}
			p.early.note(&f.tally.early, time.Now())
			f.reset()
			time.Sleep(time.Minute)
		}
		if got := strings.Count(out.String(), "1970 were counted: 20."); got != 9 {
			t.Errorf("%d warnings say 20 tweets, want 9:\n%s", got, &out)
		}
	})
}

// A timestamp that cannot be stored says what it may be.
func TestTimestampsInOtherUnits(t *testing.T) {
	p := testProcessor(t, "")
	for millis, says := range map[int64]string{
		1_767_225_600_000_123:         "in microseconds it would be 2026-01-01T00:00:00Z",
		1_767_225_600_000_000_123:     "in nanoseconds it would be 2026-01-01T00:00:00Z",
		9_000_000_000_000_000_000 / 7: "",
	} {
		_, refused := process(t, p, kafkaMessage("tweets", 0, 0, datum("Tea", tweet.Negative, millis)))
		if len(refused) != 1 || !strings.Contains(refused[0].GetError().Error(), says) {
			t.Errorf("%d: %v does not say %q", millis, refused, says)
		}
	}
}
