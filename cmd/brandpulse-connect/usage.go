package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// usageError is the error of a command about its flags. urfave/cli would print the whole
// help in front of it.
func usageError(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w. Its flags: %s --help", err, c.Command.HelpName)
}

// interspersed parses flags behind the first argument, which urfave/cli leaves among
// the arguments, and returns the arguments proper.
func interspersed(c *cli.Context) (arguments []string, err error) {
	rest := c.Args().Slice()
	for len(rest) > 0 {
		if !isFlag(rest[0]) {
			arguments, rest = append(arguments, rest[0]), rest[1:]
			continue
		}
		name, value, found := strings.Cut(strings.TrimLeft(rest[0], "-"), "=")
		rest = rest[1:]
		flag := flagOf(c, name)
		if flag == nil {
			return nil, usageError(c, fmt.Errorf("flag provided but not defined: -%s", name), false)
		}
		if _, is := flag.(*cli.BoolFlag); is && !found {
			value, found = "true", true
		}
		if !found {
			if len(rest) == 0 {
				return nil, fmt.Errorf("--%s needs a value", name)
			}
			value, rest = rest[0], rest[1:]
		}
		if err := c.Set(flag.Names()[0], value); err != nil {
			return nil, fmt.Errorf("--%s %s: %w", name, value, err)
		}
	}
	return arguments, nil
}

func flagOf(c *cli.Context, name string) cli.Flag {
	for _, flag := range c.Command.Flags {
		if slices.Contains(flag.Names(), name) {
			return flag
		}
	}
	return nil
}

func isFlag(argument string) bool { return strings.HasPrefix(argument, "-") && argument != "-" }

// flagsFirst is an error if a flag is behind an argument of a command of Benthos, which
// would take it for a file.
func flagsFirst(c *cli.Context) error {
	arguments := c.Args().Slice()
	if at := slices.IndexFunc(arguments, isFlag); at > 0 {
		return fmt.Errorf("write the flag %s before %s: %s %s %s", arguments[at], arguments[0], c.Command.HelpName, strings.Join(arguments[at:], " "), strings.Join(arguments[:at], " "))
	}
	return nil
}
