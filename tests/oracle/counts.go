// Package oracle is the reference: the contents of Kafka and InfluxDB, per second,
// brand and sentiment. It reads both in the simplest way and shares no code with the
// code under test, so that it cannot share its mistakes. It may be slow.
package oracle

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Key identifies a count of tweets.
type Key struct {
	Second    int64 // since the Unix epoch, of the tweet's own timestamp
	Brand     string
	Sentiment string
}

// Counts are numbers of tweets. No count is 0.
type Counts map[Key]int64

// Total returns the number of all tweets.
func (c Counts) Total() int64 {
	var total int64
	for _, n := range c {
		total += n
	}
	return total
}

// BySentiment returns the number of tweets of each sentiment.
func (c Counts) BySentiment() map[string]int64 {
	sums := map[string]int64{}
	for key, n := range c {
		sums[key.Sentiment] += n
	}
	return sums
}

// Equal returns an error with the first differences, if there are any.
func Equal(got, want Counts) error {
	return compare(got, want, "differs from", func(got, want int64) bool { return got == want })
}

// NotAbove returns an error if any count is higher than in limit: InfluxDB must never
// hold more than Kafka. Read got first, then limit.
func NotAbove(got, limit Counts) error {
	return compare(got, limit, "is above", func(got, limit int64) bool { return got <= limit })
}

func compare(got, want Counts, how string, fine func(got, want int64) bool) error {
	keys := map[Key]bool{}
	for _, counts := range []Counts{got, want} {
		for key := range counts {
			if !fine(got[key], want[key]) {
				keys[key] = true
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	sorted := slices.SortedFunc(maps.Keys(keys), func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Second, b.Second), cmp.Compare(a.Brand, b.Brand), cmp.Compare(a.Sentiment, b.Sentiment))
	})
	var text strings.Builder
	fmt.Fprintf(&text, "%d tweets in all %s %d; %d of the counts:", got.Total(), how, want.Total(), len(keys))
	for i, key := range sorted {
		if i == 10 {
			text.WriteString("\n  ...")
			break
		}
		fmt.Fprintf(&text, "\n  %d %s %s: %d, not %d", key.Second, key.Brand, key.Sentiment, got[key], want[key])
	}
	return fmt.Errorf("%s", text.String())
}
