package subpartition_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// If this fails, around a child on a real Kafka messages of a key overlap or pass each
// other, some are lost, or none run at the same time.
func TestEachKeyIsInOrder(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	for child := range children {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			topic := kafka.Topic(t, 1)
			want := fill(t, kafka, topic, 20_000, func(i int) string { return fmt.Sprint("k", i*i%97) })
			to := newSink()
			var calls atomic.Int64
			to.work = func(string, int) error {
				time.Sleep(time.Millisecond)
				if calls.Add(1)%101 == 0 {
					return errors.New("now and then the output says no")
				}
				return nil
			}
			stop := run(t, around(childOf(child, kafka, topic, topic), "backoff: 5ms\nbatch_size: 4"), to, nil)
			awaitAll(t, kafka, topic, topic, to, want)
			stop()
			to.check(t)
			if to.most < 8 {
				t.Errorf("at most %d keys were in flight at the same time", to.most)
			}
		})
	}
}

// If this fails, messages that are held when a process stops are committed and so lost, or
// the stop waits for them.
func TestNothingHeldIsLostAtAStop(t *testing.T) {
	t.Parallel()
	kafka := testenv.Kafka(t)
	for child := range children {
		t.Run(child, func(t *testing.T) {
			t.Parallel()
			topic := kafka.Topic(t, 2)
			// Half of it is one key, which is slow: thousands wait behind it.
			want := fill(t, kafka, topic, 10_000, func(i int) string {
				if i%2 == 0 {
					return "hot"
				}
				return fmt.Sprint("k", i%977)
			})
			to := newSink()
			slow := atomic.Bool{}
			slow.Store(true)
			to.work = func(key string, _ int) error {
				if key == "hot" && slow.Load() {
					time.Sleep(20 * time.Millisecond)
				}
				return nil
			}
			input := around(childOf(child, kafka, topic, topic), "max_messages: 20000")
			for range 3 {
				log := &instream.Log{}
				stop := run(t, input, to, log)
				testenv.Eventually(t, 30*time.Second, "the others have passed the slow key", func() error { return atLeast(to, 1000) })
				time.Sleep(200 * time.Millisecond)
				began := time.Now()
				stop()
				if took := time.Since(began); took > 5*time.Second {
					t.Errorf("the stop took %s", took)
				}
				if text := log.String(); !strings.Contains(text, "are returned to it") {
					t.Errorf("nothing was held at the stop:\n%s", text)
				}
				to.mu.Lock()
				to.replays = true
				to.accepted = 0
				to.mu.Unlock()
			}
			slow.Store(false)
			stop := run(t, input, to, nil)
			awaitAll(t, kafka, topic, topic, to, want)
			stop()
			to.check(t)
		})
	}
}
