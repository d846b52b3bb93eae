package kafkabatch

import (
	"strconv"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// skew watches which partition has most of the records that are fetched. The lag does not
// show it while the pipeline keeps up.
type skew struct {
	mu    sync.Mutex
	watch *hotkey.Watch
	keys  map[track.ID]string // short ones, since the names of topics can be long
	ids   []track.ID          // by key
	share map[track.ID]float64
}

// maxSkewKeys bounds the partitions that are remembered. If there are more over time,
// watching begins anew.
const maxSkewKeys = 4096

func newSkew() *skew {
	s := &skew{}
	s.begin()
	return s
}

func (s *skew) begin() {
	// A partition has too much from more than half of the records on.
	watch, err := hotkey.NewWatch(0.5)
	if err != nil {
		panic(err) // a constant
	}
	s.watch, s.keys, s.ids, s.share = watch, map[track.ID]string{}, nil, nil
}

// add counts records of a partition.
func (s *skew) add(id track.ID, records int64) {
	if records <= 0 { // compaction can leave a batch without any
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key, known := s.keys[id]
	if !known {
		if len(s.ids) >= maxSkewKeys {
			s.begin()
		}
		key = strconv.Itoa(len(s.ids))
		s.keys[id], s.ids = key, append(s.ids, id)
	}
	s.watch.Record(key, records)
}

// shares returns the shares of the partitions that have too many of the records, of a
// number of partitions.
func (s *skew) shares(now time.Time, partitions int) map[track.ID]float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, turned := s.watch.Turn(now); turned {
		s.share = nil
		for _, h := range s.watch.Hot() {
			if h.Share() <= hotkey.SkewFrom(partitions) {
				continue
			}
			if i, err := strconv.Atoi(h.Key); err == nil {
				if s.share == nil {
					s.share = map[track.ID]float64{}
				}
				s.share[s.ids[i]] = h.Share()
			}
		}
	}
	return s.share
}
