package tweet_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// anyTweet draws a tweet within the limits, with values that have broken encoders:
// quotes, control characters, four-byte runes, U+2028, and the ends of the timestamp's
// range.
func anyTweet(t *rapid.T) tweet.Tweet {
	text := rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{"", `"\/`, "a\x00\x1f\n\r\t\b\fb", "😀é\u2028\u2029\ufffd", "☕ loved it"}),
	)
	short := func(s string) bool { return len(s) > 0 && len(s) <= 256 }
	return tweet.Tweet{
		ID:        []byte(text.Filter(short).Draw(t, "id")),
		Text:      []byte(text.Draw(t, "text")),
		Brand:     []byte(text.Filter(short).Draw(t, "brand")),
		Sentiment: tweet.Sentiment(rapid.IntRange(0, tweet.NumSentiments-1).Draw(t, "sentiment")),
		Millis: rapid.OneOf(
			rapid.Int64Range(tweet.MinMillis, tweet.MaxMillis),
			rapid.SampledFrom([]int64{0, 1, -1, 63, 64, tweet.MinMillis, tweet.MaxMillis, 1767225600000}),
		).Draw(t, "millis"),
	}
}

func equal(a, b tweet.Tweet) bool {
	return string(a.ID) == string(b.ID) && string(a.Text) == string(b.Text) && string(a.Brand) == string(b.Brand) &&
		a.Sentiment == b.Sentiment && a.Millis == b.Millis
}

// If this fails, a tweet is changed between the generator and InfluxDB.
func TestEveryFormPreservesTheTweet(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyTweet(t)
		if err := want.Check(); err != nil {
			t.Fatalf("drawn tweet: %v", err)
		}
		var got tweet.Tweet
		if err := got.DecodeAvro(want.AppendAvro(nil)); err != nil || !equal(got, want) {
			t.Fatalf("Avro: got %+v, %v, want %+v", got, err, want)
		}
		if err := got.DecodeJSON(want.AppendJSON(nil)); err != nil || !equal(got, want) {
			t.Fatalf("JSON: got %+v, %v, want %+v", got, err, want)
		}
		fingerprint, datum, ok := tweet.SplitSingleObject(want.AppendSingleObject(nil))
		if !ok || fingerprint != tweet.Fingerprint {
			t.Fatalf("single object: fingerprint %#x, %v", fingerprint, ok)
		}
		if err := got.DecodeAvro(datum); err != nil || !equal(got, want) {
			t.Fatalf("single object: got %+v, %v, want %+v", got, err, want)
		}
	})
}
