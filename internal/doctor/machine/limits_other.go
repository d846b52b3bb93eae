//go:build !linux && !darwin

package machine

func openFiles() (n uint64, ok bool) { return 0, false }

func addressSpace() (n int64, ok bool) { return 0, false }
