package marks

import (
	"crypto/sha256"
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Set are the marks of a topic, by hashes of their keys.
type Set struct {
	settled map[[16]byte]exists
	open    map[[16]byte]Mark // of points whose letters are not settled
}

// exists reports whether a letter with the key of a mark was seen.
type exists bool

// MaxMarks bounds the memory of a Set: to about 300 MB, or 900 MB if all marks are of
// points that InfluxDB has rejected again.
const MaxMarks = 5_000_000

// NewSet returns an empty set.
func NewSet() *Set { return &Set{map[[16]byte]exists{}, map[[16]byte]Mark{}} }

func hashed(key string) (h [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(h[:], sum[:])
	return h
}

// Has reports whether a letter with this key is settled.
func (s *Set) Has(key string) bool {
	_, has := s.settled[hashed(key)]
	return has
}

// Unsettled returns the mark of a point whose letter is not settled, without Letter, Why
// and Was, which its next replay sets.
func (s *Set) Unsettled(key string) (Mark, bool) {
	m, has := s.open[hashed(key)]
	return m, has
}

// Len returns the number of keys.
func (s *Set) Len() int { return len(s.settled) + len(s.open) }

// Put adds a mark, or replaces that of the same key.
func (s *Set) Put(key string, m Mark) error {
	h := hashed(key)
	if _, has := s.settled[h]; !has && s.Len() >= MaxMarks {
		return fmt.Errorf("there are more than %d marks, the limit of this program", MaxMarks)
	}
	if !m.Outcome.Settles() {
		delete(s.settled, h)
		m.Letter, m.Why, m.Was = "", "", nil // most of its memory
		s.open[h] = m
		return nil
	}
	delete(s.open, h)
	seen := s.settled[h] // of the mark that this one replaces
	s.settled[h] = seen
	return nil
}

// See records that a letter with this key exists.
func (s *Set) See(key string) {
	h := hashed(key)
	if _, has := s.settled[h]; has {
		s.settled[h] = true
	}
}

// Gone reports whether a letter with this key is settled and was not seen.
func (s *Set) Gone(key string) bool {
	seen, has := s.settled[hashed(key)]
	return has && !bool(seen)
}

// Remove removes the mark of a key.
func (s *Set) Remove(key string) {
	delete(s.settled, hashed(key))
	delete(s.open, hashed(key))
}

// Apply reads a record of the topic of marks. A value that is null removes its mark.
func (s *Set) Apply(r *deadletter.Record) error {
	if r.Value == nil {
		s.Remove(string(r.Key))
		return nil
	}
	m, err := Decode(r.Value)
	if err != nil {
		return err
	}
	return s.Put(string(r.Key), m)
}
