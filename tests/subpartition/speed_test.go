package subpartition_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// benchRecords take 10 s one after the other.
const benchRecords = 10_000

// TestSpeed compares the time for records of one partition, of 1 ms each, at 64 at the same
// time: one after the other, unordered, and in the order of each key.
func TestSpeed(t *testing.T) {
	if os.Getenv("BRANDPULSE_BENCH") != "1" {
		t.Skip("a comparison of speeds: set BRANDPULSE_BENCH=1")
	}
	kafka := testenv.Kafka(t)
	for name, w := range workloads() {
		topic := kafka.Topic(t, 1)
		fill(t, kafka, topic, benchRecords, w.key)
		for _, of := range []struct{ name, input string }{
			{"redpanda, ordered", `redpanda: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q }`},
			{"redpanda, unordered", `redpanda: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q, unordered_processing: { enabled: true, checkpoint_limit: 20000 } }`},
			{"kafka_franz", `kafka_franz: { seed_brokers: [ %q ], topics: [ %q ], consumer_group: %q, checkpoint_limit: 20000 }`},
			{"subpartition of kafka_batches", around(children["kafka_batches"], "max_messages: 20000")},
			{"subpartition of kafka_franz", around(children["kafka_franz"], "max_messages: 20000")},
			{"subpartition of redpanda", around(children["redpanda"], "max_messages: 20000")},
		} {
			t.Run(name+"/"+of.name, func(t *testing.T) {
				to := newSink()
				to.total = benchRecords
				to.replays = true // only subpartition promises an order
				to.work = func(string, int) error { time.Sleep(time.Millisecond); return nil }
				var memory runtime.MemStats
				stop := run(t, fmt.Sprintf(of.input, kafka.Brokers[0], topic, topic+of.name), to, nil)
				testenv.Eventually(t, 60*time.Second, "everything is accepted", to.finished)
				runtime.ReadMemStats(&memory)
				stop()
				took := to.ended.Sub(to.begun)
				rate := benchRecords / took.Seconds()
				t.Logf("%6.2f s, %7.0f records/s, bound by the largest key %.0f/s, %d order violations, %d MiB of heap", took.Seconds(), rate, w.bound, to.violations, memory.HeapAlloc>>20)
			})
		}
	}
}

// finished reports whether everything was accepted.
func (s *sink) finished() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended.IsZero() {
		return fmt.Errorf("%d of %d", len(s.seen), s.total)
	}
	return nil
}

type workload struct {
	key   func(i int) string
	bound float64 // messages per second that the largest key allows, at 1 ms each
}

func workloads() map[string]workload {
	const keys = 10_000
	random := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(random, 1.2, 1, keys-1)
	sum := 0.0
	for k := range keys {
		sum += math.Pow(float64(k+1), -1.2)
	}
	return map[string]workload{
		"uniform": {func(int) string { return fmt.Sprint("k", random.IntN(keys)) }, concurrency * 1000},
		"zipf":    {func(int) string { return fmt.Sprint("k", zipf.Uint64()) }, min(concurrency*1000, sum*1000)},
	}
}
