package brandview

import (
	"encoding/json"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Counts are tweets by sentiment, indexed by tweet.Sentiment.
type Counts [tweet.NumSentiments]int64

// Total is the number of tweets.
func (c Counts) Total() int64 {
	return c[tweet.Positive] + c[tweet.Negative] + c[tweet.Neutral]
}

// Net is the net sentiment, positive minus negative over all: from -1, all are
// negative, to 1. It is 0 without tweets.
func (c Counts) Net() float64 {
	total := c.Total()
	if total == 0 {
		return 0
	}
	return float64(c[tweet.Positive]-c[tweet.Negative]) / float64(total)
}

// ordered returns the counts in the order in which the page shows them everywhere:
// positive, neutral, negative.
func (c Counts) ordered() [tweet.NumSentiments]int64 {
	return [tweet.NumSentiments]int64{c[tweet.Positive], c[tweet.Neutral], c[tweet.Negative]}
}

// MarshalJSON writes positive, neutral and negative.
func (c Counts) MarshalJSON() ([]byte, error) { return json.Marshal(c.ordered()) }

func (c *Counts) add(other Counts) {
	for s, n := range other {
		c[s] += n
	}
}
