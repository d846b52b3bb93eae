package sentimentwindow

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func secondLaw(t interface{ Fatal(...any) }) stamp.Law {
	law, err := stamp.New(time.Second, 64)
	if err != nil {
		t.Fatal(err)
	}
	return law
}

type foldedKey struct {
	start     int64
	brand     string
	sentiment tweet.Sentiment
}

func folded(f *fold) map[foldedKey]int64 {
	out := make(map[foldedKey]int64)
	for _, c := range f.sorted() {
		for s, n := range c.counts {
			if n > 0 {
				out[foldedKey{c.start, c.series.brand, tweet.Sentiment(s)}] += n
			}
		}
	}
	return out
}

// A count that is lost or put into a neighbour's cell would be wrong in
// InfluxDB for ever. The counts must be those of a plain map, also when a fold
// is used again.
func TestFoldCountsLikeAMap(t *testing.T) {
	law := secondLaw(t)
	rapid.Check(t, func(t *rapid.T) {
		f := fold{law: law}
		for range rapid.IntRange(1, 3).Draw(t, "batches") {
			cache := newSeriesCache("tweets", "")
			want := make(map[foldedKey]int64)
			for range rapid.IntRange(0, 200).Draw(t, "tweets") {
				tw := tweet.Tweet{
					Brand:     []byte(rapid.SampledFrom([]string{"a", "b", "ab", "SuperCoffee"}).Draw(t, "brand")),
					Sentiment: tweet.Sentiment(rapid.IntRange(0, tweet.NumSentiments-1).Draw(t, "sentiment")),
					Millis:    rapid.Int64Range(-3000, 3000).Draw(t, "millis"),
				}
				if err := f.add(&tw, cache.of(tw.Brand)); err != nil {
					t.Fatal(err)
				}
				second := tw.Millis / 1000
				if tw.Millis%1000 < 0 {
					second--
				}
				want[foldedKey{second * 1e9, string(tw.Brand), tw.Sentiment}]++
			}
			got := folded(&f)
			if len(got) != len(want) {
				t.Fatalf("%d cells, want %d", len(got), len(want))
			}
			for k, n := range want {
				if got[k] != n {
					t.Fatalf("%+v counts %d, want %d", k, got[k], n)
				}
			}
			f.reset()
		}
	})
}

// The points of a batch must not depend on the order of its tweets, or a
// second reading would not give the same bytes.
func TestFoldIsInOneOrder(t *testing.T) {
	law := secondLaw(t)
	cache := newSeriesCache("tweets", "")
	tweets := make([]tweet.Tweet, 0, 60)
	for i := range 60 {
		tweets = append(tweets, tweet.Tweet{
			Brand:     []byte{'a' + byte(i%4)},
			Sentiment: tweet.Sentiment(i % 3),
			Millis:    int64(i%5) * 1000,
		})
	}
	var first []cell
	for range 20 {
		rand.Shuffle(len(tweets), func(i, j int) { tweets[i], tweets[j] = tweets[j], tweets[i] })
		f := fold{law: law}
		for i := range tweets {
			if err := f.add(&tweets[i], cache.of(tweets[i].Brand)); err != nil {
				t.Fatal(err)
			}
		}
		got := f.sorted()
		if first == nil {
			first = got
			continue
		}
		for i := range got {
			if got[i] != first[i] {
				t.Fatalf("cell %d is %+v, was %+v", i, got[i], first[i])
			}
		}
	}
}

// Brands come from outside, so the cache of their series must not grow with
// them.
func TestSeriesCacheIsBounded(t *testing.T) {
	c := newSeriesCache("tweets", "")
	for i := range 3 * maxCachedBrands {
		c.of([]byte{byte(i), byte(i >> 8), byte(i >> 16), 'x'})
		if i%1000 == 0 {
			c.trim()
		}
	}
	c.trim()
	if len(c.brands) > maxCachedBrands {
		t.Fatalf("%d brands are cached, more than %d", len(c.brands), maxCachedBrands)
	}
}

// A text is cut at 255 characters, and never inside of one: half a character
// is no UTF-8, and InfluxDB's clients would choke on it.
func TestCutKeepsCharactersWhole(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringN(0, 400, -1).Draw(t, "text")
		runes := []rune(text)
		if len(runes) > maxTextRunes {
			runes = runes[:maxTextRunes]
		}
		if got := string(cut([]byte(text))); got != string(runes) {
			t.Fatalf("cut(%q) = %q, want %q", text, got, string(runes))
		}
	})
}
