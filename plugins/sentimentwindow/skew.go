package sentimentwindow

import (
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
)

// brandSkew shows which brand has most of the tweets. A brand is counted once per window
// of a batch, which is little beside its point.
type brandSkew struct {
	set func(brand string, share float64)

	mu     sync.Mutex
	watch  *hotkey.Watch
	labels hotkey.Labels
}

// brandSkewFrom is the share from which a brand is shown.
const brandSkewFrom = 0.5

func newBrandSkew(set func(brand string, share float64)) *brandSkew {
	watch, err := hotkey.NewWatch(brandSkewFrom)
	if err != nil {
		panic(err) // a constant
	}
	return &brandSkew{set: set, watch: watch}
}

// add counts the tweets of a batch. Its groups must not be reset yet.
func (s *brandSkew) add(groups []*group, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, turned := s.watch.Turn(now); turned {
		s.labels.Show(s.watch.Hot(), skewed, s.set)
	}
	for _, g := range groups {
		for i := range g.fold.cells {
			c := &g.fold.cells[i]
			if n := c.tweets(); n > 0 {
				s.watch.Record(c.series.brand, n)
			}
		}
	}
}

// skewed returns the share of a brand that has too many tweets, or 0.
func skewed(h hotkey.Hot) float64 {
	if share := h.Share(); share > brandSkewFrom {
		return share
	}
	return 0
}
