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
	batch uint64          // counts the resets, so that older hints are stale
}

// hint is where a series was last counted. Most tweets of a brand are in the same window
// as the one before, and a map look-up takes longer than the rest of add.
type hint struct {
	fold     *fold
	batch    uint64
	from, to int64 // event times of the window, ms since the Unix epoch; to is exclusive
	cell     int
}

// add counts one tweet. Its only error is stamp.ErrTimeRange.
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

// sorted returns the cells by window and brand, so that the points of a batch do not
// depend on the order of its tweets or of a map. reset must be called before the next
// add.
func (f *fold) sorted() []cell {
	slices.SortFunc(f.cells, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.series.brand, b.series.brand))
	})
	return f.cells
}

// reset removes all counts and keeps the memory.
func (f *fold) reset() {
	clear(f.cells)
	f.cells = f.cells[:0]
	clear(f.index)
	if cap(f.cells) > maxKept {
		f.cells, f.index = nil, nil
	}
	f.batch++
}

// maxKept is the number of cells, or broken records, whose memory is kept for later
// batches.
const maxKept = 4096
