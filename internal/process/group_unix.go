//go:build unix

package process

import (
	"os/exec"
	"syscall"
)

// OwnGroup puts a command of exec.CommandContext into its own process group, which is
// killed as a whole when the context ends, for example a compiler driver with its
// compilers. The goroutine that runs the command must be locked to its thread
// (runtime.LockOSThread), see Start.
func OwnGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
