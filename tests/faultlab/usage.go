package faultlab

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// usage is the resource use of processes, measured twice a second.
type usage struct {
	mu        sync.Mutex
	processes []*watched
	most      map[*watched]holding
}

// watched is a process over all its runs.
type watched struct {
	Name string
	pid  atomic.Int64 // 0 while it does not run
}

func (w *watched) String() string { return "process " + w.Name }

// holding is the resource use of a process at one time.
type holding struct {
	memory      int64 // resident bytes
	descriptors int
	looks       int
}

func (u *usage) add(w *watched) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.processes = append(u.processes, w)
}

func (u *usage) watch(t testing.TB) {
	u.most = map[*watched]holding{}
	ticks := time.NewTicker(500 * time.Millisecond)
	ended := make(chan struct{})
	go func() {
		for {
			select {
			case <-ticks.C:
				u.look()
			case <-ended:
				return
			}
		}
	}()
	t.Cleanup(func() { ticks.Stop(); close(ended) })
}

// look leaves out processes that have just ended.
func (u *usage) look() {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.processes {
		pid := w.pid.Load()
		if pid == 0 {
			continue
		}
		memory, err := residentMemory(pid)
		if err != nil {
			continue
		}
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		if err != nil {
			continue
		}
		was := u.most[w]
		u.most[w] = holding{max(was.memory, memory), max(was.descriptors, len(open)), was.looks + 1}
	}
}

// residentMemory returns VmRSS of /proc/PID/status.
func residentMemory(pid int64) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")), 10, 64)
			return kib << 10, err
		}
	}
	return 0, os.ErrProcessDone
}

// mustBeBounded fails the test if a process has used more than it may.
func (u *usage) mustBeBounded(t testing.TB, memory int64, descriptors int) {
	t.Helper()
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range u.processes {
		most := u.most[w]
		t.Logf("%s has held %d MB and %d descriptors at most, in %d looks", w, most.memory>>20, most.descriptors, most.looks)
		if most.memory > memory || most.descriptors > descriptors {
			t.Errorf("%s has held %d MB and %d descriptors, more than %d MB and %d", w, most.memory>>20, most.descriptors, memory>>20, descriptors)
		}
		if most.looks == 0 && runtime.GOOS == "linux" {
			t.Errorf("nobody has looked what %s holds", w)
		}
	}
}
