package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/mattn/go-isatty"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/nearest"
)

// usageError returns the error for a wrong flag. urfave/cli would print the whole help
// before it.
func usageError(c *cli.Context, err error, _ bool) error {
	return fmt.Errorf("%w\nFor all flags, run %s --help", err, c.Command.HelpName)
}

// Exit codes of a command whose 1 is a finding, as that of diff and grep. Other commands
// end with 1 after any error, as those of Benthos do.
const (
	exitFinding   = 1
	exitNoFinding = 2 // nothing was found out
)

// errFinding ends such a command with its finding, which is printed.
var errFinding = cli.Exit("", exitFinding)

// withFinding makes a command end with exitNoFinding after wrong usage and any error but
// errFinding: a script that asks for its finding must not take a mistyped flag for one.
func withFinding(command *cli.Command) *cli.Command {
	nothing := func(err error) error { return cli.Exit(err, exitNoFinding) }
	command.OnUsageError = func(c *cli.Context, err error, isSubcommand bool) error {
		return nothing(usageError(c, err, isSubcommand))
	}
	action := command.Action
	command.Action = func(c *cli.Context) error {
		err := action(c)
		if err == nil || errors.Is(err, errFinding) {
			return err
		}
		return nothing(err)
	}
	return command
}

// runSubcommand runs a command that consists of subcommands, if none of them is named:
// it prints the help. urfave/cli would look up an unknown subcommand as a help topic.
func runSubcommand(c *cli.Context) error {
	name := c.Args().First()
	if name == "" {
		return cli.ShowSubcommandHelp(c)
	}
	var names []string
	for _, command := range c.Command.Subcommands {
		if command.Name != "help" {
			names = append(names, command.Name)
		}
	}
	hint := ""
	if near := nearest.Name(name, names); near != "" {
		hint = fmt.Sprintf("Did you mean %s?\n", near)
	}
	return fmt.Errorf("Unrecognised command: %s %s\n%sThe commands of %s: %s. For all flags, run %s --help", //nolint:staticcheck // as Benthos begins it
		c.Command.Name, name, hint, c.Command.Name, strings.Join(names, ", "), c.Command.HelpName)
}

// unread returns the error for a file that cannot be read, in the same words for every
// command.
func unread(err error) error {
	var at *fs.PathError
	if !errors.As(err, &at) {
		return err
	}
	return fmt.Errorf("reading %s: %w. Check its path", at.Path, at.Err)
}

// wrappingOn returns a writer to f that wraps long lines if f is a terminal. Each write
// must be of whole lines.
func wrappingOn(f *os.File) io.Writer {
	if isatty.IsTerminal(f.Fd()) || isatty.IsCygwinTerminal(f.Fd()) {
		return wrappingWriter{f}
	}
	return f
}

type wrappingWriter struct{ to io.Writer }

func (w wrappingWriter) Write(text []byte) (int, error) {
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		content := strings.TrimLeft(line, " ")
		// Several spaces in a row are columns of a table.
		if len(line) > helpWidth && !strings.Contains(content, "  ") {
			by := len(line) - len(content)
			lines[i] = strings.Repeat(" ", by) + wrapped(content, by, by)
		}
	}
	if _, err := io.WriteString(w.to, strings.Join(lines, "\n")); err != nil {
		return 0, err
	}
	return len(text), nil
}

// interspersed parses the flags after the first argument, which urfave/cli leaves among
// the arguments, and returns the arguments without them.
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
			return nil, usageError(c, fmt.Errorf("invalid value %q for flag -%s: %w", value, name, err), false)
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

// flagsFirst returns an error if a flag follows an argument of a Benthos command, which
// would read it as a file name.
func flagsFirst(c *cli.Context) error {
	arguments := c.Args().Slice()
	if at := slices.IndexFunc(arguments, isFlag); at > 0 {
		return fmt.Errorf("the flag %s must come before %s:\n   %s %s %s", arguments[at], arguments[0], c.Command.HelpName, strings.Join(arguments[at:], " "), strings.Join(arguments[:at], " "))
	}
	return nil
}
