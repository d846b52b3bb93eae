package brandview

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Tweet is a stored tweet with its text.
type Tweet struct {
	Time      int64  `json:"time"` // unix milliseconds, floored to the resolution of the point
	Text      string `json:"text"`
	Brand     string `json:"brand"`
	Sentiment string `json:"sentiment"`
}

// maxAnswerBrands is how many brands of an answer are told apart before the
// largest of them are chosen. The rest is other.
const maxAnswerBrands = 1000

// answer is what InfluxDB holds between two seconds, in windows of a length.
type answer struct {
	step     int64 // seconds
	from, to int64 // unix seconds, multiples of step; to is exclusive
	// brands has the windows of each brand. The empty name is all other ones, and
	// points without a brand.
	brands map[string][]Counts
	// stray are tweets whose sentiment is none of the three.
	stray int64
}

// counts asks for the windows from a second to another, exclusive.
func (c *client) counts(ctx context.Context, step, from, to int64) (answer, error) {
	a := answer{step: step, from: from, to: to, brands: map[string][]Counts{}}
	params := map[string]any{"from": from * int64(time.Second), "to": to * int64(time.Second)}
	err := c.query(ctx, countsStatement(c.measurement, step), params, func(r row) error {
		if len(r.values) != 1 {
			return &Problem{Kind: Failing, Message: "InfluxDB's response has other columns than those of the query"}
		}
		count, ok := integer(r.values[0])
		at := r.nanos/int64(time.Second) - from
		if !ok || at < 0 || r.nanos/int64(time.Second) >= to {
			return nil
		}
		sentiment, ok := tweet.ParseSentiment(r.tags["sentiment"])
		if !ok {
			a.stray += count
			return nil
		}
		a.windows(r.tags["brand"])[at/step][sentiment] += count
		return nil
	})
	return a, err
}

func (a *answer) windows(brand string) []Counts {
	if len(brand) > maxNameBytes {
		brand = ""
	}
	windows, ok := a.brands[brand]
	if !ok && len(a.brands) >= maxAnswerBrands {
		brand = ""
		windows, ok = a.brands[brand]
	}
	if !ok {
		windows = make([]Counts, (a.to-a.from)/a.step)
		a.brands[brand] = windows
	}
	return windows
}

// textQuery selects tweets with their texts.
type textQuery struct {
	from, to   int64    // unix seconds; to is exclusive
	brands     []string // none: all
	sentiments []string // none: all
	words      []string // all of which a text must contain, in any case
	limit      int
}

// texts asks for the newest tweets of a query. There are none where points are
// counts of windows.
func (c *client) texts(ctx context.Context, q textQuery) ([]Tweet, error) {
	params := map[string]any{"from": q.from * int64(time.Second), "to": q.to * int64(time.Second)}
	for i, brand := range q.brands {
		params["brand"+strconv.Itoa(i)] = brand
	}
	for i, sentiment := range q.sentiments {
		params["sentiment"+strconv.Itoa(i)] = sentiment
	}
	for i, word := range q.words {
		params["word"+strconv.Itoa(i)] = map[string]string{"regex": "(?i)" + regexp.QuoteMeta(word)}
	}
	tweets := []Tweet{}
	err := c.query(ctx, textsStatement(c.textsFrom, q), params, func(r row) error {
		if len(r.values) != 3 {
			return &Problem{Kind: Failing, Message: "InfluxDB's response has other columns than those of the query"}
		}
		text, ok := r.values[0].(string)
		if !ok {
			return nil
		}
		brand, _ := r.values[1].(string)
		sentiment, _ := r.values[2].(string)
		tweets = append(tweets, Tweet{Time: r.nanos / int64(time.Millisecond), Text: text, Brand: brand, Sentiment: sentiment})
		return nil
	})
	// InfluxDB orders and limits the tweets of each measurement alone.
	slices.SortStableFunc(tweets, func(a, b Tweet) int { return cmp.Compare(b.Time, a.Time) })
	return tweets[:min(len(tweets), q.limit)], err
}

// integer reads a sum. Another writer may have stored floats.
func integer(value any) (int64, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	if n, err := number.Int64(); err == nil {
		return n, true
	}
	f, err := number.Float64()
	if err != nil || math.Abs(f) > 1<<53 {
		return 0, false
	}
	return int64(math.Round(f)), true
}
