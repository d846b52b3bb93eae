package hotkey

import "hash/maphash"

// KeptBytes is how much of a key is kept. Longer keys are told apart by their length and
// a hash of 64 bits with a random seed, and are named by their first bytes.
const KeptBytes = 128

// Sketch counts keys by Space-Saving: it keeps a count for a fixed number of keys, and a
// key that is new replaces the one with the smallest count, which it continues. So
//   - the count of a key is never too low, and at most Error too high;
//   - Error is at most Total divided by the capacity;
//   - every key with more than that many records is kept.
//
// Its memory does not grow, and Add does not allocate. A Sketch is not safe for
// concurrent use.
type Sketch struct {
	seed    maphash.Seed
	slots   []slot  // hash table with linear probing
	entries []entry // up to the capacity, in the order in which they came
	// order has the places in entries by count, ascending; it fills from its end, and
	// begins at first. Entries with the same count form a level, which knows its end in
	// order. So a count is incremented, and the smallest one found, without a search.
	order  []int32
	first  int32
	levels []level
	free   []int32 // unused places in levels
	keys   []byte  // KeptBytes for each entry
	total  int64
}

type slot struct {
	hash  uint32 // the low bits, so that few probes look at an entry
	place int32  // in entries plus one; 0 if the slot is empty
}

type entry struct {
	hash   uint64
	size   int   // of the key, of which at most KeptBytes are kept
	at     int32 // place in order
	level  int32
	excess int64 // the count may be that much too high
}

type level struct {
	count int64
	end   int32 // in order, exclusive
}

// Count is the number of records of a key.
type Count struct {
	Key    string // the first KeptBytes of it
	Size   int    // bytes of the whole key
	Count  int64  // never too low
	Excess int64  // at most that much too high
	hash   uint64
}

// NewSketch returns a sketch that keeps the counts of a number of keys.
func NewSketch(capacity int) *Sketch {
	capacity = max(1, capacity)
	size := 4
	for size < 4*capacity {
		size *= 2
	}
	return &Sketch{
		seed: maphash.MakeSeed(), slots: make([]slot, size), entries: make([]entry, 0, capacity), order: make([]int32, capacity), first: int32(capacity),
		levels: make([]level, 0, capacity+1), free: make([]int32, 0, capacity+1), keys: make([]byte, capacity*KeptBytes),
	}
}

// Total returns the number of records that were added.
func (s *Sketch) Total() int64 { return s.total }

// Error returns by how much the count of any key can be too high.
func (s *Sketch) Error() int64 {
	if len(s.entries) < cap(s.entries) {
		return 0
	}
	return s.levels[s.entries[s.order[s.first]].level].count
}

// Add adds n records of a key, where n is more than 0.
func (s *Sketch) Add(key string, n int64) {
	s.total += n
	hash := maphash.String(s.seed, key)
	at, found := s.find(hash, key)
	if found {
		s.raise(s.slots[at].place-1, n)
		return
	}
	if len(s.entries) < cap(s.entries) {
		s.slots[at] = slot{uint32(hash), int32(len(s.entries)) + 1}
		s.insert(hash, key, n)
		return
	}
	// The key takes the place of the one with the smallest count.
	i := s.order[s.first]
	e := &s.entries[i]
	s.remove(e.hash, i)
	at = s.empty(hash) // removing may have moved others
	s.slots[at] = slot{uint32(hash), i + 1}
	e.hash, e.size, e.excess = hash, len(key), s.levels[e.level].count
	copy(s.keys[int(i)*KeptBytes:][:KeptBytes], key)
	s.raise(i, n)
}

// Each calls f with the keys that are kept, largest count first, until it returns false.
func (s *Sketch) Each(f func(Count) bool) {
	for at := len(s.order) - 1; at >= int(s.first); at-- {
		i := s.order[at]
		e := &s.entries[i]
		if !f(Count{Key: string(s.kept(i)), Size: e.size, Count: s.levels[e.level].count, Excess: e.excess, hash: e.hash}) {
			return
		}
	}
}

// Reset removes all keys, and keeps the memory.
func (s *Sketch) Reset() {
	clear(s.slots)
	s.entries, s.levels, s.free = s.entries[:0], s.levels[:0], s.free[:0]
	s.first, s.total = int32(len(s.order)), 0
}

func (s *Sketch) kept(i int32) []byte {
	return s.keys[int(i)*KeptBytes:][:min(KeptBytes, s.entries[i].size)]
}

// find returns the slot of a key, or the empty one that is to have it.
func (s *Sketch) find(hash uint64, key string) (at int, found bool) {
	mask, low := len(s.slots)-1, uint32(hash)
	for at = int(hash) & mask; s.slots[at].place != 0; at = (at + 1) & mask {
		if s.slots[at].hash != low {
			continue
		}
		i := s.slots[at].place - 1
		if e := &s.entries[i]; e.hash == hash && e.size == len(key) && string(s.kept(i)) == key[:min(KeptBytes, len(key))] {
			return at, true
		}
	}
	return at, false
}

// empty returns the first empty slot of a hash.
func (s *Sketch) empty(hash uint64) int {
	mask := len(s.slots) - 1
	at := int(hash) & mask
	for s.slots[at].place != 0 {
		at = (at + 1) & mask
	}
	return at
}

// insert adds a key while there is room: as the smallest, whence raise moves it.
func (s *Sketch) insert(hash uint64, key string, n int64) {
	i := int32(len(s.entries))
	copy(s.keys[int(i)*KeptBytes:][:KeptBytes], key)
	s.first--
	s.order[s.first] = i
	s.entries = append(s.entries, entry{hash: hash, size: len(key), at: s.first, level: s.newLevel(0, s.first+1)})
	s.raise(i, n)
}

// remove frees the slot of an entry, and moves those behind it that probed past it.
func (s *Sketch) remove(hash uint64, i int32) {
	mask := len(s.slots) - 1
	hole := int(hash) & mask
	for s.slots[hole].place != i+1 {
		hole = (hole + 1) & mask
	}
	for next := (hole + 1) & mask; s.slots[next].place != 0; next = (next + 1) & mask {
		home := int(s.slots[next].hash) & mask
		if (next-home)&mask >= (next-hole)&mask {
			s.slots[hole] = s.slots[next]
			hole = next
		}
	}
	s.slots[hole] = slot{}
}

// raise adds n to the count of an entry, and moves it up in order past the levels below
// its new count.
func (s *Sketch) raise(i int32, n int64) {
	e := &s.entries[i]
	from := e.level
	l := &s.levels[from]
	count := l.count + n
	alone := e.at+1 == l.end && (e.at == s.first || s.entries[s.order[e.at-1]].level != from)
	if alone && (int(l.end) == len(s.order) || s.levels[s.entries[s.order[l.end]].level].count > count) {
		l.count = count // it keeps its place, as a hot key mostly does
		return
	}
	at := s.leave(e, from)
	if alone {
		s.free = append(s.free, from)
	}
	for int(at)+1 < len(s.order) {
		next := s.entries[s.order[at+1]].level
		if above := s.levels[next].count; above == count {
			e.level = next
			return
		} else if above > count {
			break
		}
		at = s.leave(e, next)
	}
	e.level = s.newLevel(count, at+1)
}

// leave moves an entry to the end of a level, which ends before it then.
func (s *Sketch) leave(e *entry, of int32) (at int32) {
	l := &s.levels[of]
	l.end--
	last := &s.entries[s.order[l.end]]
	s.order[e.at], s.order[l.end] = s.order[l.end], s.order[e.at]
	last.at, e.at = e.at, l.end
	return l.end
}

func (s *Sketch) newLevel(count int64, end int32) int32 {
	if n := len(s.free); n > 0 {
		at := s.free[n-1]
		s.free = s.free[:n-1]
		s.levels[at] = level{count, end}
		return at
	}
	s.levels = append(s.levels, level{count, end})
	return int32(len(s.levels) - 1)
}
