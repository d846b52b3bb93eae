package demo

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// slowAnswer is the time after which a missing response is reported.
const slowAnswer = 5 * time.Second

// reading asks InfluxDB once a second what is stored, in a goroutine of its own: a slow
// or frozen InfluxDB must not delay the watcher's response to Ctrl-C.
type reading struct {
	stop context.CancelFunc
	wait sync.WaitGroup

	mu    sync.Mutex
	last  counts
	lag   int64     // tweets that Kafka held before the last query, and InfluxDB did not
	err   error     // of the last response
	asked time.Time // zero while no query runs
}

func startReading(ctx context.Context, db *influx, held func() counts) *reading {
	ctx, cancel := context.WithCancel(ctx)
	r := &reading{stop: cancel}
	r.wait.Go(func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			r.set(func() { r.asked = time.Now() })
			before := held()
			stored, err := db.stored(ctx)
			r.set(func() {
				r.asked, r.err = time.Time{}, err
				if err == nil {
					r.last, r.lag = stored, max(0, before.total()-stored.total())
				}
			})
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return r
}

func (r *reading) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

// latest returns the stored tweets according to the last response. The error is the
// reason why there is no newer one.
func (r *reading) latest() (counts, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if waits := time.Since(r.asked); r.err == nil && !r.asked.IsZero() && waits > slowAnswer {
		return r.last, fmt.Errorf("no response for %s", waits.Round(time.Second))
	}
	return r.last, r.err
}

// behind returns how many tweets Kafka held before the last query, and InfluxDB did not.
func (r *reading) behind() int64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lag
}

func (r *reading) close() {
	r.stop()
	r.wait.Wait()
}
