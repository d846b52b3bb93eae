package sentimentwindow

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// cell counts the tweets of one window and brand, by sentiment.
type cell struct {
	start  int64 // of the window, ns since the Unix epoch
	series *series
	counts [tweet.NumSentiments]int64
	newest int64 // event time of its tweets, ms since the Unix epoch
}

func (c *cell) tweets() (n int64) {
	for _, count := range c.counts {
		n += count
	}
	return n
}

type cellKey struct {
	start  int64
	series *series
}

// fold counts the tweets of one group of a batch, without allocating per
// tweet. The zero value with a law is ready.
type fold struct {
	law   stamp.Law
	cells []cell
	index map[cellKey]int // positions in cells
	batch uint64          // counts the resets, so that hints of before are stale
}

// hint is where a series was counted last. Most tweets of a brand lie in the
// window of the one before, and a map is slower than all the rest of add.
type hint struct {
	fold     *fold
	batch    uint64
	from, to int64 // event times of the window, ms since the Unix epoch, without to
	cell     int
}

// add counts one tweet. It fails with stamp.ErrTimeRange only.
func (f *fold) add(t *tweet.Tweet, s *series) error {
	if h := &s.last; t.Millis < h.from || t.Millis >= h.to || h.fold != f || h.batch != f.batch {
		start, err := f.law.Floor(t.Millis)
		if err != nil {
			return err
		}
		from := time.Duration(start).Milliseconds() // exact, as R is whole milliseconds
		*h = hint{fold: f, batch: f.batch, from: from, to: from + f.law.Resolution().Milliseconds(), cell: f.find(cellKey{start, s})}
	}
	c := &f.cells[s.last.cell]
	c.counts[t.Sentiment]++
	c.newest = max(c.newest, t.Millis)
	return nil
}

func (f *fold) find(key cellKey) int {
	if i, ok := f.index[key]; ok {
		return i
	}
	if f.index == nil {
		f.index = make(map[cellKey]int)
	}
	i := len(f.cells)
	f.index[key] = i
	f.cells = append(f.cells, cell{start: key.start, series: key.series, newest: math.MinInt64})
	return i
}

// sorted gives the cells by window and brand, so that the points of a batch do
// not depend on the order of its tweets or on a map. It ends the batch: reset
// before the next add.
func (f *fold) sorted() []cell {
	slices.SortFunc(f.cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.series.brand, b.series.brand))
	})
	return f.cells
}

// reset forgets all counts and keeps the room.
func (f *fold) reset() {
	clear(f.cells)
	f.cells = f.cells[:0]
	clear(f.index)
	if cap(f.cells) > maxKept {
		f.cells, f.index = nil, nil
	}
	f.batch++
}

// maxKept is for how many cells, or broken records, room is kept for later batches.
const maxKept = 4096
