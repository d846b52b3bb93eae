package influxdb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// storm answers requests by chance, with all that goes wrong on the way to a
// server, and in the end lets everything through.
func storm(seed uint64, chance float64) func(int, []string) influxfake.Fault {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func(n int, _ []string) influxfake.Fault {
		mu.Lock()
		defer mu.Unlock()
		if random.Float64() >= chance {
			return influxfake.Fault{}
		}
		if random.IntN(20) == 0 { // a wrong setting: all of the batch is handed in again
			return []influxfake.Fault{{Status: 401}, {Status: 200}, {Status: 207, Apply: true}}[random.IntN(3)]
		}
		return []influxfake.Fault{
			{Status: 503},
			{Status: 500, Apply: true},
			{Status: 429},
			{Reset: true},
			{Reset: true, Apply: true},
			{Delay: time.Millisecond},
			{Hang: true},
			{Hang: true, Apply: true},
		}[random.IntN(8)]
	}
}

// TestWhatIsStoredIsWhatWasSent is the law of this output: whatever the network
// and the server do, InfluxDB holds what was sent without what it refuses, the
// refused points are with the output for them, and each caller is told once all
// of its own is settled, and nothing is left behind.
func TestWhatIsStoredIsWhatWasSent(t *testing.T) {
	before := runtime.NumGoroutine()
	rapid.Check(t, func(t *rapid.T) {
		conf := testConfig()
		conf.timeout = 5 * time.Millisecond
		conf.maxPoints = rapid.IntRange(1, 50).Draw(t, "max_points")
		conf.maxBodyBytes = rapid.SampledFrom([]int{minBodyBytes, 4_000_000}).Draw(t, "max_body_bytes")
		conf.requestsInFlight = rapid.IntRange(1, 4).Draw(t, "requests_in_flight")
		conf.flushPeriod = rapid.SampledFrom([]time.Duration{time.Millisecond, time.Second}).Draw(t, "flush_period")
		writers := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 40), 1, 3), 1, 8).Draw(t, "lines by writer and batch")
		seed := rapid.Uint64().Draw(t, "seed")
		fault := storm(seed, rapid.SampledFrom([]float64{0, 0.1, 0.3}).Draw(t, "chance of a fault"))

		// A tenth of the lines is refused by the server, and a few are nonsense.
		var lines, bad, nonsense []string
		batches := make([][]service.MessageBatch, len(writers))
		random := rand.New(rand.NewPCG(seed, 2))
		for w, sizes := range writers {
			for _, size := range sizes {
				content := linesOf(len(lines), len(lines)+size)
				lines = append(lines, content...)
				for _, line := range content {
					if random.IntN(10) == 0 {
						bad = append(bad, line)
					}
				}
				if random.IntN(5) == 0 {
					wrong := fmt.Sprintf("nonsense%d", len(nonsense))
					nonsense = append(nonsense, wrong)
					content = slices.Insert(content, random.IntN(size+1), wrong)
				}
				cut := random.IntN(len(content) + 1)
				batch := service.MessageBatch{}
				for _, part := range [][]string{content[:cut], content[cut:]} {
					if len(part) > 0 {
						batch = append(batch, message(part...))
					}
				}
				batches[w] = append(batches[w], batch)
			}
		}
		version := rapid.SampledFrom([]string{influxfake.V1, influxfake.V2}).Draw(t, "version")
		fake := influxfake.New(influxfake.Options{
			Version:  version,
			Refuse:   conflict(bad...),
			Whole:    rapid.Bool().Draw(t, "a refused line takes its request along"),
			MaxBytes: rapid.SampledFrom([]int{0, 60, 600}).Draw(t, "limit of the server"),
			Fault:    fault,
		})
		rejected := &bin{}
		o := newOutput(conf, rejected, nil, service.MockResources().Metrics())
		o.client.http.Transport = fake

		var wait sync.WaitGroup
		for _, mine := range batches {
			wait.Go(func() {
				for _, batch := range mine {
					if err := write(context.Background(), o, batch); err != nil {
						t.Errorf("a caller is told %v", err)
					}
					// What a caller is told of is stored or refused, at that moment.
					stored := fake.Stored()
					for _, m := range batch {
						content, _ := m.AsBytes()
						for line := range strings.Lines(string(content)) {
							line = strings.TrimSuffix(line, "\n")
							if stored[line] == 0 && !slices.Contains(bad, line) && !slices.Contains(nonsense, line) {
								t.Errorf("acknowledged, but not stored: %s", line)
							}
						}
					}
				}
			})
		}
		wait.Wait()
		if err := o.Close(context.Background()); err != nil {
			t.Error(err)
		}
		stored := fake.Stored()
		for _, line := range lines {
			if (stored[line] == 0) != slices.Contains(bad, line) {
				t.Errorf("%s is stored %d times", line, stored[line])
			}
			delete(stored, line)
		}
		if len(stored) > 0 {
			t.Errorf("stored, but never sent: %v", stored)
		}
		want := slices.Sorted(slices.Values(append(bad, nonsense...)))
		if got := rejected.lines(); !slices.Equal(got, want) {
			t.Errorf("refused: %q, want %q", got, want)
		}
	})
	settled(t, before)
}

// settled is that no goroutine is left, once those that are ending have ended.
func settled(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	stacks := make([]byte, 1<<20)
	t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, stacks[:runtime.Stack(stacks, true)])
}
