// Package brandview tells what people feel: it reads counts of tweets from
// InfluxDB as long as somebody looks, keeps windows of all ranges, and marks the
// moments that are worth a look.
package brandview

import (
	"cmp"
	"context"
	"slices"
	"time"
)

const (
	// settling is how many seconds the newest tweets may take to be stored, so
	// that younger windows are not judged yet.
	settling = 2
	// rateSeconds is over how many seconds the rate of now is.
	rateSeconds = 5
)

// View reads InfluxDB as long as somebody looks, and tells what it has read.
type View struct {
	source   Source
	reader   reader
	store    *store
	queries  chan struct{} // a slot for each query that a viewer asks for
	periods  periods
	watching watching
}

// reader is what a view needs of InfluxDB.
type reader interface {
	counts(ctx context.Context, step, from, to int64) (answer, error)
	texts(ctx context.Context, q textQuery) ([]Tweet, error)
}

// New gives a view that reads when it runs. It asks nothing yet.
func New(source Source) (*View, error) {
	c, err := newClient(source)
	if err != nil {
		return nil, err
	}
	return newView(source, c), nil
}

func newView(source Source, r reader) *View {
	v := &View{
		source: source, reader: r, store: newStore(), queries: make(chan struct{}, maxQueries),
		periods:  periods{turn: make(chan struct{}, 1)},
		watching: watching{ranges: map[string]int{}, wake: make(chan struct{}, 1)},
	}
	// Who looks before the first answer sees windows of now that are not read.
	v.store.advance(time.Now().Unix())
	v.store.forget()
	return v
}

// Brand is a brand's part in a range.
type Brand struct {
	Name   string `json:"name"` // empty: all that are not told apart
	Counts Counts `json:"counts"`
}

// Status says how the reading goes.
type Status struct {
	Problem *Problem `json:"problem"`
	// Asked tells that InfluxDB has answered since somebody began to look.
	Asked bool `json:"asked"`
	// Newest is the newest second with a tweet, in unix seconds; 0 without.
	Newest int64 `json:"newest"`
	// Stray are tweets whose sentiment is none of the three.
	Stray       int64  `json:"stray"`
	URL         string `json:"url"`
	Bucket      string `json:"bucket"`
	Measurement string `json:"measurement"`
}

// Update is a view, or what of it has changed since a revision.
type Update struct {
	Revision uint64 `json:"-"`
	Whole    bool   `json:"whole"` // windows that are not named are empty
	Range    string `json:"range"`
	Step     int64  `json:"step"`   // seconds
	First    int64  `json:"first"`  // start of the oldest window, unix seconds
	Head     int64  `json:"head"`   // the newest second
	Filled   int64  `json:"filled"` // from where on all windows have been read
	// Windows are start, positive, negative and neutral.
	Windows [][4]int64 `json:"windows"`
	Total   Counts     `json:"total"` // of the range
	Rate    float64    `json:"rate"`  // tweets/s of the newest settled seconds
	Brands  []Brand    `json:"brands"`
	Marks   []Mark     `json:"marks"`
	Status  Status     `json:"status"`
}

// Look gives the view as it is. since is a revision that an earlier update had,
// with the same filter, or 0.
func (v *View) Look(f Filter, since uint64) Update { return v.look(v.store, f, since) }

func (v *View) look(s *store, f Filter, since uint64) Update {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ring := s.rings[f.Range.Name]
	chosen := s.chosen(f.Brands)
	u := Update{
		Revision: s.revision, Whole: since == 0 || since > s.revision,
		Range: f.Range.Name, Step: f.Range.Step, First: f.Range.first(s.base.head), Head: s.base.head, Filled: ring.filled,
		Windows: [][4]int64{}, Status: s.status,
	}
	u.Status.Newest, u.Status.Stray = s.newest, s.stray
	u.Status.URL, u.Status.Bucket, u.Status.Measurement = v.source.URL, v.source.Bucket, v.source.Measurement

	windows := make([]Counts, f.Range.Windows)
	var totals [1 + maxBrands]Counts
	for i := range windows {
		w := ring.look(u.First + int64(i)*ring.step)
		if w == nil {
			continue
		}
		for number := range s.table.names {
			totals[number].add(w.brands[number])
			if chosen[number] {
				windows[i].add(w.brands[number])
			}
		}
		if c := windows[i]; w.revision > since || u.Whole {
			if !u.Whole || c != (Counts{}) {
				u.Windows = append(u.Windows, [4]int64{w.start, c[0], c[1], c[2]})
			}
		}
		u.Total.add(windows[i])
	}
	u.Rate = s.rate(&chosen)
	u.Brands = s.brands(&totals)
	u.Marks = marksOf(u.First, ring.step, windows, u.Head)
	return u
}

// look gives the window that starts at a second, nil if it is not there.
func (r *ring) look(start int64) *window {
	w := &r.windows[mod(start/r.step, int64(len(r.windows)))]
	if w.start != start {
		return nil
	}
	return w
}

// chosen tells by number which brands a filter lets through.
func (s *store) chosen(brands []string) (chosen [1 + maxBrands]bool) {
	if len(brands) == 0 {
		for i := range chosen {
			chosen[i] = true
		}
	}
	for _, brand := range brands {
		if number, ok := s.table.numbers[brand]; ok {
			chosen[number] = true
		}
	}
	return chosen
}

// rate is that of the newest seconds that have settled, where data is that new.
func (s *store) rate(chosen *[1 + maxBrands]bool) float64 {
	var sum int64
	end := s.base.head - settling
	for second := end - rateSeconds; second < end; second++ {
		if w := s.base.look(second); w != nil {
			for number := range s.table.names {
				if chosen[number] {
					sum += w.brands[number].Total()
				}
			}
		}
	}
	return float64(sum) / rateSeconds
}

// brands are those with tweets, the largest first and the rest at the end.
func (s *store) brands(totals *[1 + maxBrands]Counts) []Brand {
	brands := make([]Brand, 0, len(s.table.names))
	for number, name := range s.table.names {
		brands = append(brands, Brand{Name: name, Counts: totals[number]})
	}
	return largest(brands)
}

// marksOf judges the windows that have settled, in the order of time.
func marksOf(first, step int64, windows []Counts, head int64) []Mark {
	settled := len(windows)
	for settled > 0 && first+int64(settled)*step > head-settling {
		settled--
	}
	windows = windows[:settled]
	volumes := make([]int64, len(windows))
	for i, counts := range windows {
		volumes[i] = counts.Total()
	}
	marks := append(spikes(first, step, volumes), inversions(first, step, windows)...)
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.Start, b.Start) })
	return append([]Mark{}, marks...)
}

// Changed gives a channel that is closed at the next change.
func (v *View) Changed() <-chan struct{} {
	v.store.mu.RLock()
	defer v.store.mu.RUnlock()
	return v.store.changed
}
