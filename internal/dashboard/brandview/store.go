package brandview

import "sync"

// store is what has been read, for all ranges. The windows that end in the base,
// the last baseSeconds seconds, are added up from it, so that all ranges agree
// and only single seconds are asked for often.
type store struct {
	mu       sync.RWMutex
	table    brandTable
	base     *ring
	rings    map[string]*ring // by the name of the range
	revision uint64
	newest   int64 // the newest second with a tweet
	read     int64 // the end of the newest seconds that InfluxDB has answered for, exclusive
	stray    int64 // tweets of an unknown sentiment in the last answer that had any
	status   Status
	changed  chan struct{} // closed at the next change
}

func newStore() *store { return storeOf(Ranges...) }

// storeOf returns a store of some ranges, which are all that it can show.
func storeOf(ranges ...Range) *store {
	s := &store{revision: 1, table: newBrandTable(), base: newRing(1, baseSeconds), rings: map[string]*ring{}, changed: make(chan struct{})}
	for _, r := range ranges {
		s.rings[r.Name] = newRing(r.Step, r.kept()+1)
	}
	return s
}

// advance makes a second the newest one of all ranges.
func (s *store) advance(second int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.base.advance(second) {
		return
	}
	for _, r := range s.rings {
		r.advance(second)
	}
	s.touch()
}

// forget says that nothing has been read for some time, so that everything is
// asked for again. What is there stays until then.
func (s *store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.base.forget()
	for _, r := range s.rings {
		r.forget()
	}
	s.touch()
}

// touch tells all who wait that something has changed.
func (s *store) touch() {
	s.revision++
	close(s.changed)
	s.changed = make(chan struct{})
}

// apply takes over an answer: single seconds into the base and all windows above
// them, others into the range. Newer windows are not beyond the head: they wait
// for the next answer.
func (s *store) apply(name string, a answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.table.take(a.brands, s.idle)
	target := s.base
	if name != "" {
		target = s.rings[name]
	}
	numbers := map[string]int{}
	for brand := range a.brands {
		numbers[brand] = s.table.number(brand)
	}
	changed := false
	revision := s.revision + 1
	for start := max(a.from, target.oldest()); start < a.to && start <= target.head; start += a.step {
		var brands [1 + maxBrands]Counts
		var total int64
		for brand, windows := range a.brands {
			counts := windows[(start-a.from)/a.step]
			brands[numbers[brand]].add(counts)
			total += counts.Total()
		}
		if target.at(start).set(&brands, revision) {
			changed = true
		}
		if total > 0 && target == s.base {
			s.newest = max(s.newest, start)
		}
	}
	if target == s.base {
		s.read = max(s.read, min(a.to, s.base.head+1))
	}
	// Answers come from the newest to the oldest, so what is filled grows at its
	// lower end.
	if a.to >= target.filled && a.from < target.filled {
		target.filled = max(a.from, target.oldest())
		changed = true
	}
	if target == s.base && s.fold(a.from, a.to, revision) {
		changed = true
	}
	if a.stray > 0 {
		s.stray = a.stray
	}
	if changed {
		s.touch()
	}
}

// fold adds up the windows that lie in the base and hold a second between two.
func (s *store) fold(from, to int64, revision uint64) (changed bool) {
	for _, r := range s.rings {
		first := max(from-mod(from, r.step), r.oldest())
		for start := first; start < to && start <= r.head; start += r.step {
			if start < s.base.filled {
				continue
			}
			var brands [1 + maxBrands]Counts
			for second := start; second < start+r.step && second <= s.base.head; second++ {
				w := s.base.at(second)
				for i := range w.brands {
					brands[i].add(w.brands[i])
				}
			}
			if r.at(start).set(&brands, revision) {
				changed = true
			}
			if start < r.filled {
				r.filled, changed = start, true
			}
		}
	}
	return changed
}

// idle tells that a brand has no tweets in any range.
func (s *store) idle(number int) bool {
	for _, r := range s.rings {
		for i := range r.windows {
			if r.windows[i].brands[number] != (Counts{}) {
				return false
			}
		}
	}
	return true
}
