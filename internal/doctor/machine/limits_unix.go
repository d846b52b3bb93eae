//go:build linux || darwin

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
	return limit.Cur, true
}

// addressSpace returns the limit of ulimit -v.
func addressSpace() (n int64, ok bool) {
	var limit syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_AS, &limit) != nil || limit.Cur > math.MaxInt64 {
		return 0, false
	}
	return int64(limit.Cur), true
}
