package brandview

import (
	"context"
	"sync"
)

// watching counts who looks at what.
type watching struct {
	mu     sync.Mutex
	ranges map[string]int
	total  int
	wake   chan struct{}
}

// Watch says that somebody looks at a range, until done is called.
func (v *View) Watch(r Range) (done func()) {
	w := &v.watching
	w.mu.Lock()
	w.ranges[r.Name]++
	w.total++
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.ranges[r.Name]--
		w.total--
	})
}

// await waits for a viewer. It returns false if the context ends first.
func (w *watching) await(ctx context.Context) bool {
	for !w.anybody() {
		select {
		case <-ctx.Done():
			return false
		case <-w.wake:
		}
	}
	return true
}

func (w *watching) anybody() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.total > 0
}

func (w *watching) at(name string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ranges[name] > 0
}
