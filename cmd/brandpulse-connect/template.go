package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/urfave/cli/v2"
)

// templateCommand runs Benthos's template, whose lint reports success if it was given
// no file.
func templateCommand() *cli.Command {
	return &cli.Command{
		Name:      "template",
		Usage:     "Check templates of components (experimental)",
		ArgsUsage: "COMMAND",
		Description: `
A template is a component of your own in YAML. Templates are experimental: they may
change without a new major version.

   brandpulse-connect template lint ./templates/...
   brandpulse-connect run --templates './templates/*.yaml' my.yaml

More: ` + benthosDocs + `/configuration/templating`,
		Subcommands: []*cli.Command{{
			Name:      "lint",
			Usage:     "Check the files of templates and run the tests in them",
			ArgsUsage: "FILES",
			Description: `
Exit code 0: no mistakes; 1: mistakes.

   brandpulse-connect template lint ./templates/*.yaml
   brandpulse-connect template lint ./templates/...

A path that ends with '...' stands for all .yaml and .yml files below it.`[1:],
			Flags: []cli.Flag{
				&cli.BoolFlag{Name: "verbose", Usage: "print the result for each file"},
				&cli.StringSliceFlag{Name: "env-file", Aliases: []string{"e"}, Usage: "import environment variables from a dotenv file"},
				&cli.StringSliceFlag{Name: "templates", Aliases: []string{"t"}, Usage: "import the templates in `FILES`, which those that are checked use; supports glob patterns (requires quotes)"},
			},
			OnUsageError: usageError,
			Action:       runTemplateLint,
		}},
		OnUsageError: usageError,
		Action:       runSubcommand,
	}
}

func runTemplateLint(c *cli.Context) error {
	if err := flagsFirst(c); err != nil {
		return err
	}
	if !c.Args().Present() {
		return errors.New(noFileToLint("template lint", "./templates/...", "template.yaml"))
	}
	arguments := []string{"template", "lint", "--verbose"}
	for _, name := range []string{"env-file", "templates"} {
		for _, value := range anySlice(c, name) {
			arguments = append(arguments, "--"+name, value)
		}
	}
	stock, err := stockLint(c.Context, append(append(arguments, "--"), c.Args().Slice()...))
	if err != nil {
		return err
	}
	if err := stock.empty(c.Args().Slice()); err != nil {
		return err
	}
	fmt.Fprint(os.Stderr, stock.before)
	if stock.print(c.Bool("verbose"), func(target string) (lines []string) {
		if _, err := os.Stat(target); errors.Is(err, fs.ErrNotExist) {
			return []string{unread(err).Error()}
		}
		for _, lint := range stock.lints[target] {
			lines = append(lines, target+lint)
		}
		return lines
	}) {
		return cli.Exit("", 1)
	}
	return nil
}

// noFileToLint returns the error of a lint command without arguments.
func noFileToLint(command string, examples ...string) string {
	for i, example := range examples {
		examples[i] = fmt.Sprintf("%s %s %s", binaryName, command, example)
	}
	return "no file to lint. Name files or folders, for example:\n   " + strings.Join(examples, "\n   ")
}
