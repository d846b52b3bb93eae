// Package brandview tells what people feel: it reads counts of tweets from
// InfluxDB as long as somebody looks, keeps windows of all ranges, and marks the
// moments that are worth a look.
package brandview

import (
	"context"
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const (
	// settling is how many seconds the newest tweets may take to be stored, so
	// that younger windows are not judged yet.
	settling = 2
	// rateSeconds is over how many seconds the rate of now is.
	rateSeconds = 5
	// maxOverlay is how many brands are drawn over each other: more lines, and colours
	// for them, cannot be told apart.
	maxOverlay = 6
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
	// Since is when the readings began to fail, in unix milliseconds; 0 while they do not.
	Since int64 `json:"since"`
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
	Now      int64  `json:"now"`   // unix milliseconds
	Whole    bool   `json:"whole"` // windows that are not named are empty
	Range    string `json:"range"`
	Step     int64  `json:"step"`   // seconds
	First    int64  `json:"first"`  // start of the oldest window, unix seconds
	Head     int64  `json:"head"`   // the newest second
	Filled   int64  `json:"filled"` // from where on all windows have been read
	Read     int64  `json:"read"`   // the end of what has been read, exclusive: later seconds are not known
	// Windows are start, positive, neutral and negative; then, with Overlay, the same
	// three of each of its brands.
	Windows [][]int64 `json:"windows"`
	// Overlay names the brands that are drawn over each other. It is empty unless
	// several are chosen.
	Overlay []string `json:"overlay"`
	Total   Counts   `json:"total"` // of the range
	Rate    float64  `json:"rate"`  // tweets/s now: of the newest settled seconds that have been read
	Brands  []Brand  `json:"brands"`
	Marks   []Mark   `json:"marks"`
	Status  Status   `json:"status"`
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
		Revision: s.revision, Now: time.Now().UnixMilli(), Whole: since == 0 || since > s.revision,
		Range: f.Range.Name, Step: f.Range.Step, First: f.Range.first(s.base.head), Head: s.base.head, Filled: ring.filled, Read: s.read,
		Windows: [][]int64{}, Overlay: overlay(f.Brands), Status: s.status,
	}
	u.Status.Newest, u.Status.Stray = s.newest, s.stray
	u.Status.URL, u.Status.Bucket, u.Status.Measurement = v.source.URL, v.source.Bucket, v.source.Measurement

	// What is judged begins before what is shown, as far as it has been read.
	begin := max(u.First-spikeBefore*ring.step, ring.filled)
	begin = min(begin+mod(-begin, ring.step), u.First)
	sum := make([]Counts, (u.First-begin)/ring.step+int64(f.Range.Windows))
	brands := s.series(&chosen, len(sum))
	var totals [1 + maxBrands]Counts
	for i := range sum {
		start := begin + int64(i)*ring.step
		w := ring.look(start)
		if w == nil {
			continue
		}
		for number := range s.table.names {
			if chosen[number] {
				sum[i].add(w.brands[number])
			}
			if brands[number].windows != nil {
				brands[number].windows[i] = w.brands[number]
			}
		}
		if start < u.First {
			continue
		}
		for number := range s.table.names {
			totals[number].add(w.brands[number])
		}
		if c := sum[i]; w.revision > since || u.Whole {
			if !u.Whole || c != (Counts{}) {
				u.Windows = append(u.Windows, s.row(w, c, u.Overlay))
			}
		}
		u.Total.add(sum[i])
	}
	u.Rate = s.rate(&chosen)
	u.Brands = s.brands(&totals)
	brands = slices.DeleteFunc(brands, func(b series) bool { return b.windows == nil })
	u.Marks = marksOf(begin, ring.step, sum, brands, len(u.Overlay) > 0, u.Head)
	u.Marks = slices.DeleteFunc(u.Marks, func(m Mark) bool { return m.Start < u.First })
	return u
}

// overlay names the brands that are drawn over each other if several are chosen.
func overlay(chosen []string) []string {
	if len(chosen) < 2 {
		return []string{}
	}
	return chosen[:min(len(chosen), maxOverlay)]
}

// series has by number room for so many windows of each chosen brand. Brands that are
// not told apart have none.
func (s *store) series(chosen *[1 + maxBrands]bool, windows int) []series {
	all := make([]series, len(s.table.names))
	for number, name := range s.table.names {
		if number != other && chosen[number] {
			all[number] = series{brand: name, windows: make([]Counts, windows)}
		}
	}
	return all
}

// row is a window as the page receives it.
func (s *store) row(w *window, sum Counts, overlay []string) []int64 {
	row := make([]int64, 0, 1+tweet.NumSentiments*(1+len(overlay)))
	of := func(c Counts) {
		ordered := c.ordered()
		row = append(row, ordered[:]...)
	}
	row = append(row, w.start)
	of(sum)
	for _, brand := range overlay {
		var counts Counts
		if number, known := s.table.numbers[brand]; known {
			counts = w.brands[number]
		}
		of(counts)
	}
	return row
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
	end := min(s.base.head, s.read-1) - settling
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

// Changed gives a channel that is closed at the next change.
func (v *View) Changed() <-chan struct{} {
	v.store.mu.RLock()
	defer v.store.mu.RUnlock()
	return v.store.changed
}
