package brandview

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// latestTweets is how many texts are shown, of at most latestSeconds.
	latestTweets  = 20
	latestSeconds = 60
	// foundTweets is how many texts a search finds.
	foundTweets = 50
	// maxQueries is how many queries for texts and moments run at once, for all
	// viewers.
	maxQueries = 2
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
	m := Moment{Start: f.Range.floor(at), Step: f.Range.Step, Tweets: []Tweet{}}
	var known bool
	if m.Brands, known = v.store.moment(f.Range, m.Start); !known {
		// It has not been read yet, or a link leads further back than the range.
		if m.Brands, m.Problem = v.ask(ctx, m.Step, m.Start); m.Problem != nil {
			return m
		}
	}
	m.Tweets, m.Problem = v.read(ctx, f.texts(m.Start, m.Start+m.Step))
	return m
}

// moment gives the brands of a window, if it has been read.
func (s *store) moment(r Range, start int64) (brands []Brand, known bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ring, ok := s.rings[r.Name]
	if !ok || start < ring.filled || start > ring.head {
		return nil, false
	}
	var totals [1 + maxBrands]Counts
	if w := ring.look(start); w != nil {
		totals = w.brands
	}
	return s.brands(&totals), true
}

// ask gives the brands of a window that is not kept.
func (v *View) ask(ctx context.Context, step, start int64) ([]Brand, *Problem) {
	done, err := v.slot(ctx)
	if err != nil {
		return []Brand{}, problemOf(err)
	}
	defer done()
	a, err := v.reader.counts(ctx, step, start, start+step)
	if err != nil {
		return []Brand{}, problemOf(err)
	}
	brands := make([]Brand, 0, len(a.brands))
	for name, windows := range a.brands {
		brands = append(brands, Brand{Name: name, Counts: windows[0]})
	}
	return largest(brands), nil
}

// largest gives brands by their size, and as many as are told apart: the rest is
// one, at the end.
func largest(brands []Brand) []Brand {
	slices.SortFunc(brands, func(a, b Brand) int {
		return cmp.Or(cmp.Compare(b.Counts.Total(), a.Counts.Total()), cmp.Compare(a.Name, b.Name))
	})
	var rest Brand
	kept := make([]Brand, 0, len(brands))
	for _, b := range brands {
		switch {
		case b.Counts.Total() == 0:
		case b.Name == "" || len(kept) == maxBrands:
			rest.Counts.add(b.Counts)
		default:
			kept = append(kept, b)
		}
	}
	if rest.Counts.Total() > 0 {
		kept = append(kept, rest)
	}
	return kept
}

// slot waits for leave to query.
func (v *View) slot(ctx context.Context) (done func(), err error) {
	select {
	case v.queries <- struct{}{}:
		return func() { <-v.queries }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Latest gives the newest tweets where texts are stored: those of the last minute, or
// of the whole range if they are searched or the range has ended.
func (v *View) Latest(ctx context.Context, f Filter) ([]Tweet, *Problem) {
	if f.Until > 0 {
		return v.read(ctx, f.texts(f.start(), f.Until))
	}
	v.store.mu.RLock()
	newest, head := v.store.newest, v.store.base.head
	v.store.mu.RUnlock()
	switch {
	case len(f.Words) > 0:
		return v.read(ctx, f.texts(f.Range.first(max(head, time.Now().Unix())), head+2))
	case newest == 0:
		return []Tweet{}, nil
	}
	return v.read(ctx, f.texts(newest-latestSeconds, newest+2))
}

// texts selects the texts of a filter from a second to another, exclusive.
func (f Filter) texts(from, to int64) textQuery {
	q := textQuery{from: from, to: to, brands: f.Brands, sentiments: f.Sentiments, words: f.Words, limit: latestTweets}
	if len(f.Words) > 0 {
		q.limit = foundTweets
	}
	return q
}

func (v *View) read(ctx context.Context, q textQuery) ([]Tweet, *Problem) {
	done, err := v.slot(ctx)
	if err != nil {
		return []Tweet{}, problemOf(err)
	}
	defer done()
	tweets, err := v.reader.texts(ctx, q)
	if err != nil {
		return []Tweet{}, problemOf(err)
	}
	return tweets, nil
}
