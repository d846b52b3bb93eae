package kafkabatch

import (
	"slices"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// spares is the memory of batches that were acknowledged, for batches to come.
// Together with what is in flight it is not more than has been in flight at once,
// since memory is made only where none of it fits, and replaces some of it then.
type spares struct {
	limit int64 // bytes that are kept

	mu   sync.Mutex
	free [][]byte // in the order in which they came back
	size int64    // of all of them
}

// give takes memory that nobody uses any more.
func (s *spares) give(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := int64(cap(b)); s.size+n <= s.limit {
		s.free = append(s.free, b)
		s.size += n
	}
}

// sparesLookedAt bounds the search for memory that fits. Batches of a topic are of
// about one size, so the first one does as a rule.
const sparesLookedAt = 16

// take gives memory for n bytes, of length 0: that which came back last, of which
// most is in a cache.
func (s *spares) take(n int) []byte {
	s.mu.Lock()
	for i := len(s.free) - 1; i >= max(0, len(s.free)-sparesLookedAt); i-- {
		if b := s.free[i]; fits(b, n) {
			s.remove(i)
			s.mu.Unlock()
			return b[:0]
		}
	}
	// What is made now must not come on top of all that does not fit.
	for gone := 0; gone < n && len(s.free) > 0; {
		gone += cap(s.free[0])
		s.remove(0)
	}
	s.mu.Unlock()
	return make([]byte, 0, n)
}

func (s *spares) remove(i int) {
	s.size -= int64(cap(s.free[i]))
	s.free = slices.Delete(s.free, i, i+1)
}

// fits tells whether n bytes have room in b, and do not waste most of it.
func fits(b []byte, n int) bool { return n <= cap(b) && cap(b) <= max(2*n, 64<<10) }

// uncompress undoes the compression of a batch of p.
func (f *fetcher) uncompress(p *partition, compressed []byte) ([]byte, error) {
	s := f.session.spares
	if s == nil {
		return f.decompressor.AppendUncompressed(nil, compressed)
	}
	// An eighth more than it would be if it were like the one before. What is too
	// small costs time: the batch is decompressed again, to memory of its own.
	guess := min(p.ratio*float64(len(compressed))*9/8+recordbatch.HeaderSize, float64(f.session.conf.maxBatchBytes))
	room := s.take(int(guess))
	b, err := f.decompressor.AppendUncompressed(room, compressed)
	if err != nil {
		s.give(room)
		return nil, err
	}
	p.ratio = float64(len(b)) / float64(len(compressed))
	inRoom := &b[0] == &room[:1][0]
	if inRoom && fits(room, len(b)) {
		return b, nil
	}
	if inRoom {
		b = append([]byte(nil), b...)
	}
	s.give(room)
	return b, nil
}
