package subpartition_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, records are lost at a rebalance, the members do not share the work, or a
// sink cannot tell an old owner's late write from the new owner's.
func TestNothingIsLostAtARebalance(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	for child := range children {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			topic := kafka.Topic(t, 4)
			want := fill(t, kafka, topic, 20_000, func(i int) string { return fmt.Sprint("k", i*i%499) })
			input := around(childOf(child, kafka, topic, topic), "max_messages: 1000")
			stored := &fencedStore{}
			member := func() *sink {
				s := newSink()
				s.replays, s.store = true, stored
				s.work = func(string, int) error { time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond); return nil }
				return s
			}
			to, other := member(), member()
			stop := run(t, input, to, nil)
			testenv.Eventually(t, 30*time.Second, "the first reads", func() error { return atLeast(to, 500) })
			more := run(t, input, other, nil)
			testenv.Eventually(t, 30*time.Second, "the second reads", func() error { return atLeast(other, 500) })
			more()
			testenv.Eventually(t, 60*time.Second, "everything is accepted by one of them", func() error {
				to.mu.Lock()
				defer to.mu.Unlock()
				other.mu.Lock()
				defer other.mu.Unlock()
				for key, last := range want {
					for n := range last {
						if one := fmt.Sprint(key, ":", n+1); !to.seen[one] && !other.seen[one] {
							return fmt.Errorf("%s is missing; %d and %d are accepted", one, to.accepted, other.accepted)
						}
					}
				}
				return nil
			})
			stop()
			for _, s := range []*sink{to, other} {
				for _, w := range s.wrong {
					// Each member begins a key where the group is, so gaps are of the other.
					if strings.Contains(w, "in flight") {
						t.Error(w)
					}
				}
			}
			for key, last := range want {
				if got := stored.value(key); got != last {
					t.Errorf("in the end the store has %d for %s, want %d", got, key, last)
				}
			}
			alone := 0
			for one := range other.seen {
				if !to.seen[one] {
					alone++
				}
			}
			t.Logf("%d and %d are accepted, %d only by the second; %d writes were fenced", to.accepted, other.accepted, alone, stored.fenced)
			if alone == 0 && child == "kafka_batches" { // the others cannot tell that a partition is lost
				t.Error("the first has delivered what it held of the second's partitions")
			}
		})
	}
}

func atLeast(s *sink, n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.accepted < n {
		return fmt.Errorf("%d are accepted", s.accepted)
	}
	return nil
}
