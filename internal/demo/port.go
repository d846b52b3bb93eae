package demo

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// freePort returns a free port. With --keep it is the usual one if that is free, so
// that the user's own commands need no address. No other demo gets the usual one before
// release is called: a server takes seconds until it listens, and the other demo would
// write into ours.
func freePort(o Options, usual int) (port int, release func(), err error) {
	if o.Keep && process.CheckFree(usual) == nil {
		if release, ok := reserve(usual); ok {
			return usual, release, nil
		}
	}
	ports, err := process.FreePorts(1)
	if err != nil {
		return 0, nil, err
	}
	return ports[0], func() {}, nil
}

// reserve reports whether this demo may use a port. The lock is the kernel's, so it ends
// with the process.
func reserve(port int) (release func(), ok bool) {
	dir, err := buildcache.Dir()
	if err != nil || os.MkdirAll(dir, 0o755) != nil {
		return nil, false
	}
	lock := flock.New(filepath.Join(dir, fmt.Sprintf("demo-%d.lock", port)))
	if got, err := lock.TryLock(); err != nil || !got {
		_ = lock.Close()
		return nil, false
	}
	return func() { _ = lock.Close() }, true
}
