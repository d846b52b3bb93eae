package process

import "syscall"

// Windows has no signals: with these numbers os.Process.Signal returns an error.
const (
	canAsk = false
	pause  = syscall.Signal(0x13)
	resume = syscall.Signal(0x12)
)
