package main

import (
	"fmt"

	"github.com/urfave/cli/v2"
)

// usageError is the error of a command about its flags. urfave/cli would print the whole
// help in front of it.
func usageError(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w. Its flags: %s %s --help", err, binaryName, c.Command.Name)
}
