package process

import "os/exec"

// OwnGroup puts a command into its own process group. On Windows, only the command
// itself ends with its context.
func OwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = attributes() }
