package process

import "syscall"

// Windows has no signals: these numbers make os.Process.Signal refuse with an
// error that says so.
const (
	canAsk = false
	pause  = syscall.Signal(0x13)
	resume = syscall.Signal(0x12)
)
