//go:build unix

package process

import "syscall"

const (
	canAsk = true
	pause  = syscall.SIGSTOP
	resume = syscall.SIGCONT
)
