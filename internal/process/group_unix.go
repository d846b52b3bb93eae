//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// OwnGroup puts a command of exec.CommandContext into a process group of its
// own, which is killed as a whole when the context ends: a compiler driver's
// compilers with it. The goroutine that runs the command must be locked to its
// thread (runtime.LockOSThread), see Start.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
