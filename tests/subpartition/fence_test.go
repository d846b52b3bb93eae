package subpartition_test

import (
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// fencedStore has the newest value of each key. It refuses a write that is older than what
// it has, by the metadata of the message: which is what a sink does that must not go back at
// a rebalance.
type fencedStore struct {
	mu     sync.Mutex
	keys   map[string]fencedValue
	fenced int
}

type fencedValue struct {
	offset int64
	value  int
}

func (s *fencedStore) write(m *service.Message, value int) error {
	key, _ := m.MetaGet(contract.SubpartitionKey)
	at, found, err := contract.PositionOf(m)
	if key == "" || !found || err != nil {
		return fmt.Errorf("the message has the key %q and no position: %w", key, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.keys == nil {
		s.keys = map[string]fencedValue{}
	}
	if old, is := s.keys[key]; is && old.offset > at.Offset {
		s.fenced++
		return nil
	}
	s.keys[key] = fencedValue{at.Offset, value}
	return nil
}

func (s *fencedStore) value(key string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key].value
}
