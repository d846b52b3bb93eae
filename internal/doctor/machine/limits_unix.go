//go:build unix

package machine

import (
	"math"
	"syscall"
)

// openFiles returns how many files this process may open. Go raises its own limit to the
// hard one, as it does for the pipeline.
func openFiles() (n uint64, ok bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit) != nil {
		return 0, false
	}
	return uint64(limit.Cur), true //nolint:unconvert // signed on some systems
}

// addressSpace returns the limit of ulimit -v.
func addressSpace() (n int64, ok bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &limit) != nil || limit.Cur > math.MaxInt64 {
		return 0, false
	}
	return int64(limit.Cur), true
}
