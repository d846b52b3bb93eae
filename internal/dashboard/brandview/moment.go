package brandview

import "context"

const (
	// latestTweets is how many texts are shown, of at most latestSeconds.
	latestTweets  = 20
	latestSeconds = 60
	// textQueries is how many queries for texts run at once, for all viewers.
	textQueries = 2
)

// Moment is one window in detail.
type Moment struct {
	Start  int64   `json:"start"`
	Step   int64   `json:"step"`
	Brands []Brand `json:"brands"` // all of them, whatever is filtered
	Tweets []Tweet `json:"tweets"` // the newest of the filtered ones
	// Problem is why there are no tweets.
	Problem *Problem `json:"problem"`
}

// Moment gives the window that a second lies in.
func (v *View) Moment(ctx context.Context, f Filter, at int64) Moment {
	m := Moment{Start: f.Range.floor(at), Step: f.Range.Step}
	v.store.mu.RLock()
	var totals [1 + maxBrands]Counts
	if w := v.store.rings[f.Range.Name].look(m.Start); w != nil {
		totals = w.brands
	}
	m.Brands = v.store.brands(&totals)
	v.store.mu.RUnlock()
	m.Tweets, m.Problem = v.read(ctx, f.Brands, m.Start, m.Start+m.Step)
	return m
}

// Latest gives the newest tweets where texts are stored.
func (v *View) Latest(ctx context.Context, brands []string) ([]Tweet, *Problem) {
	v.store.mu.RLock()
	newest := v.store.newest
	v.store.mu.RUnlock()
	if newest == 0 {
		return []Tweet{}, nil
	}
	return v.read(ctx, brands, newest-latestSeconds, newest+2)
}

func (v *View) read(ctx context.Context, brands []string, from, to int64) ([]Tweet, *Problem) {
	select {
	case v.texts <- struct{}{}:
		defer func() { <-v.texts }()
	case <-ctx.Done():
		return []Tweet{}, problemOf(ctx.Err())
	}
	tweets, err := v.reader.texts(ctx, brands, from, to, latestTweets)
	if err != nil {
		return []Tweet{}, problemOf(err)
	}
	return tweets, nil
}
