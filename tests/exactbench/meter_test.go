package exactbench_test

import (
	"fmt"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/rounds"
)

// meter measures from the first counted tweets to the last, since the start of a
// process and joining a group take as long as a million tweets.
type meter struct {
	want int64
	done chan struct{} // closed when all are counted

	mu          sync.Mutex
	count       int64
	before      int64 // number of tweets counted first
	first, last time.Time
	firstCPU    time.Duration
	lastCPU     time.Duration
	err         error
}

func newMeter(want int64) *meter { return &meter{want: want, done: make(chan struct{})} }

// add counts tweets. It is called once for many.
func (m *meter) add(tweets int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count += tweets
	if m.first.IsZero() {
		m.before, m.first = m.count, time.Now()
		m.firstCPU, m.err = rounds.ProcessCPU()
	}
	if m.count >= m.want && m.last.IsZero() {
		m.last = time.Now()
		m.lastCPU, m.err = rounds.ProcessCPU()
		close(m.done)
	}
}

// measured returns tweets per second and CPU seconds per million tweets; 0 if all
// arrived at once.
func (m *meter) measured() (rate, cpu float64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.err != nil:
		return 0, 0, m.err
	case m.count != m.want:
		return 0, 0, fmt.Errorf("%d of %d tweets are counted", m.count, m.want)
	}
	if m.before == m.want {
		return 0, 0, nil
	}
	tweets := float64(m.want - m.before)
	return tweets / m.last.Sub(m.first).Seconds(), (m.lastCPU - m.firstCPU).Seconds() / tweets * 1e6, nil
}
