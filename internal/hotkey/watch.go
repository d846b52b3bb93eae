package hotkey

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"math"
	"slices"
	"strings"
	"time"
)

const (
	// Slice is how long records are counted before their counts begin anew: counts since
	// the start would hide a key that becomes hot after hours of other traffic. A key has
	// a whole slice within two of them, so it is named within NamedWithin if Turn is called
	// every second.
	Slice = 2 * time.Second
	// NamedWithin is how long a key is hot before it is named.
	NamedWithin = 5 * time.Second
	// coolSlices is how many slices in a row a key must be below half of the share before
	// it is no longer hot: one near the share would else come and go.
	coolSlices = 5
	// MinShare is the smallest share. Below it the sketch would be large.
	MinShare = 0.0025
	// precision is how many times smaller than the share the error is.
	precision = 10
	// least is how many records of a slice a hot key has: of a few records any key has a
	// large share.
	least = 10
)

// Watch names the keys that have more than a share of the records of a slice. It misses
// none that has least records, and may name one that has up to a tenth of the share less.
// It is not safe for concurrent use.
type Watch struct {
	share  float64
	sketch *Sketch
	ends   time.Time // of the slice; zero before the first Turn
	hot    map[uint64]*Hot
}

// Hot is a hot key.
type Hot struct {
	Count       // of the last slice
	Total int64 // records of all keys in it
	Since time.Time
	Held  Held // messages that wait, as Turn was told, without the key
	cool  int  // slices in a row in which it was not hot
}

// Held is how many messages of a key wait, and of how many.
type Held struct {
	Key       string
	Count, Of int64
}

// NewWatch returns a Watch, or an error if the share is not one.
func NewWatch(share float64) (*Watch, error) {
	if !(share >= MinShare && share < 1) {
		return nil, fmt.Errorf("a share of %v: it must be at least %v, which is %v %%, and less than 1", share, MinShare, 100*MinShare)
	}
	capacity := max(64, int(math.Ceil(precision/share)))
	return &Watch{share: share, sketch: NewSketch(capacity), hot: map[uint64]*Hot{}}, nil
}

// Record counts n records of a key.
func (w *Watch) Record(key string, n int64) { w.sketch.Add(key, n) }

// News are the keys that have become hot with a slice, and those that are no longer hot,
// largest first.
type News struct{ Started, Ended []Hot }

// Turn ends the slice if it is time, and reports whether it was. It must be called every
// second, and if it may have been longer, before the records of a moment are counted.
//
// held are the keys with the most messages that wait. A key is also hot while it has more
// than the share of those: once nothing more can be read, no records are counted.
func (w *Watch) Turn(now time.Time, held ...Held) (news News, turned bool) {
	first := w.ends.IsZero()
	if !first && now.Before(w.ends) {
		return News{}, false
	}
	// A late call must not move those that follow, or a slice would be longer each time.
	if w.ends = w.ends.Add(Slice); !w.ends.After(now) {
		w.ends = now.Add(Slice)
	}
	if first {
		return News{}, false
	}
	begun := map[uint64]bool{}
	find := func(c Count) *Hot {
		h := w.hot[c.hash]
		if h == nil {
			h = &Hot{Count: Count{Key: c.Key, Size: c.Size, hash: c.hash}, Since: now}
			w.hot[c.hash], begun[c.hash] = h, true
		}
		return h
	}
	total := w.sketch.Total()
	for _, h := range w.hot {
		h.Total, h.Count.Count, h.Excess, h.Held = total, 0, 0, Held{}
		h.cool++
	}
	w.sketch.Each(func(c Count) bool {
		h, known := w.hot[c.hash]
		if w.over(c.Count, total, 1) {
			h, known = find(c), true
		}
		if known {
			h.Count, h.Total = c, total
			if w.over(c.Count, total, 0.5) {
				h.cool = 0
			}
		}
		return w.over(c.Count, total, 0.5) || len(w.hot) > len(begun)
	})
	for _, m := range held {
		c := w.count(m.Key)
		if _, known := w.hot[c.hash]; !known && !w.over(m.Count, m.Of, 1) {
			continue
		}
		h := find(c)
		h.Total, h.Held = total, Held{Count: m.Count, Of: m.Of}
		if w.over(m.Count, m.Of, 0.5) {
			h.cool = 0
		}
	}
	w.sketch.Reset()
	for hash, h := range w.hot {
		switch {
		case begun[hash]:
			news.Started = append(news.Started, *h)
		case h.cool >= coolSlices:
			delete(w.hot, hash)
			news.Ended = append(news.Ended, *h)
		}
	}
	sortHot(news.Started)
	sortHot(news.Ended)
	return news, true
}

// over reports whether a count is more than a part of the share.
func (w *Watch) over(count, of int64, part float64) bool {
	return count >= least && float64(count) > part*w.share*float64(of)
}

// count returns a key without a count.
func (w *Watch) count(key string) Count {
	return Count{Key: strings.Clone(key[:min(KeptBytes, len(key))]), Size: len(key), hash: maphash.String(w.sketch.seed, key)}
}

// Is reports whether a key is hot.
func (w *Watch) Is(key string) bool {
	if len(w.hot) == 0 {
		return false
	}
	h := w.hot[maphash.String(w.sketch.seed, key)]
	return h != nil && h.Size == len(key) && h.Key == key[:min(KeptBytes, len(key))]
}

// Hot returns the hot keys, largest first.
func (w *Watch) Hot() (all []Hot) {
	for _, h := range w.hot {
		all = append(all, *h)
	}
	sortHot(all)
	return all
}

// Error returns by how much a count of a slice with so many records can be too high.
func (w *Watch) Error(records int64) int64 { return records / int64(len(w.sketch.order)) }

func sortHot(all []Hot) {
	slices.SortFunc(all, func(a, b Hot) int {
		return cmp.Or(cmp.Compare(b.Held.Count, a.Held.Count), cmp.Compare(b.Count.Count, a.Count.Count), cmp.Compare(a.Key, b.Key))
	})
}
