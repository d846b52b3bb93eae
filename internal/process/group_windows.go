package process

import "os/exec"

// OwnGroup puts a command into a process group of its own. Windows ends the
// command alone when its context ends.
func OwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = attributes() }
