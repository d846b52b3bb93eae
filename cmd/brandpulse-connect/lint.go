package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// lintCommand runs Benthos's lint, and adds the types of values, the field of each
// message, and the variables that values come from.
func lintCommand() *cli.Command {
	return &cli.Command{
		Name:      "lint",
		Usage:     "Check pipelines for mistakes",
		ArgsUsage: "FILES",
		Description: `
Reports each mistake with its file, line, field and value, the allowed values, and
the environment variable that the value comes from. A variable whose value YAML
would alter is a mistake too. Exit code 0: no mistakes; 1: mistakes.

   brandpulse-connect lint ./configs/*.yaml
   brandpulse-connect lint ./foo.yaml ./bar.yaml
   brandpulse-connect lint ./configs/...

A path that ends with '...' stands for all .yaml and .yml files below it.`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "deprecated", Usage: "also report deprecated fields"},
			&cli.BoolFlag{Name: "labels", Usage: "also report components without a label"},
			&cli.BoolFlag{Name: "skip-env-var-check", Usage: "ignore environment variables that are not set and have no default"},
			&cli.BoolFlag{Name: "verbose", Usage: "print the result for each file"},
			&cli.StringSliceFlag{Name: "resources", Aliases: []string{"r"}, Usage: "also lint a file of resources; glob patterns need quotes"},
			&cli.StringSliceFlag{Name: "env-file", Aliases: []string{"e"}, Usage: "read environment variables from a dotenv file"},
			&cli.StringSliceFlag{Name: "templates", Aliases: []string{"t"}, Usage: "read a file of templates (experimental); glob patterns need quotes"},
		},
		OnUsageError: usageError,
		Action:       runLint,
	}
}

func runLint(c *cli.Context) error {
	if err := flagsFirst(c); err != nil {
		return err
	}
	if !c.Args().Present() && len(anySlice(c, "resources")) == 0 && anyString(c, "config") == "" {
		return errors.New(noFileToLint("lint", "./pipelines/...", "pipeline.yaml"))
	}
	stock, err := stockLint(c.Context, lintArguments(c))
	if err != nil {
		return err
	}
	if err := stock.empty(append(c.Args().Slice(), anySlice(c, "resources")...)); err != nil {
		return err
	}
	linter, err := configlint.New(schema(versionAndDate()), os.LookupEnv)
	if err != nil {
		return err
	}
	linter.RejectDeprecated, linter.RequireLabels = c.Bool("deprecated"), c.Bool("labels")
	linter.SkipEnvVarCheck = c.Bool("skip-env-var-check")
	fmt.Fprint(os.Stderr, stock.before)
	if stock.print(c.Bool("verbose"), func(target string) []string { return allLints(linter, target, stock.lints[target]) }) {
		return cli.Exit("", 1)
	}
	return nil
}

// allLints returns the lines about a file: ours, and those of stock lint that ours do
// not replace.
func allLints(linter *configlint.Linter, target string, stock []string) (lines []string) {
	text, err := os.ReadFile(target)
	if errors.Is(err, fs.ErrNotExist) {
		return []string{unread(err).Error()}
	}
	if err != nil || path.Ext(target) == ".md" {
		for _, lint := range stock {
			lines = append(lines, target+lint)
		}
		return lines
	}
	report := linter.All(text)
	for _, f := range report.Findings {
		lines = append(lines, located(target, f))
	}
	if report.Unsafe {
		return lines
	}
	for _, lint := range stock {
		// Our findings report a value that cannot be converted, with its field.
		unread := len(report.Findings) > 0 && strings.Contains(lint, "cannot unmarshal")
		if !unread && !slices.Contains(report.Stock, lint) {
			lines = append(lines, target+lint)
		}
	}
	return lines
}

// lintArguments returns the arguments for stock lint.
func lintArguments(c *cli.Context) (arguments []string) {
	root := c.Lineage()[len(c.Lineage())-1]
	if at := c.Lineage(); len(at) > 1 {
		root = at[1]
	}
	if config := root.String("config"); config != "" {
		arguments = append(arguments, "--config", config)
	}
	arguments = append(arguments, "lint", "--verbose")
	for _, name := range []string{"deprecated", "labels", "skip-env-var-check"} {
		if c.Bool(name) {
			arguments = append(arguments, "--"+name)
		}
	}
	for _, name := range []string{"resources", "env-file", "templates"} {
		for _, value := range anySlice(c, name) {
			arguments = append(arguments, "--"+name, value)
		}
	}
	return append(append(arguments, "--"), c.Args().Slice()...)
}

// stockReport is the output of stock lint.
type stockReport struct {
	before  string // lines that belong to no file
	targets []string
	lints   map[string][]string // of a file, each as "(line,column) message"
}

// empty returns an error if the paths match no file, which Benthos's lint takes for
// success.
func (r stockReport) empty(paths []string) error {
	if len(r.targets) > 0 || r.before != "" {
		return nil
	}
	return fmt.Errorf("no file to lint: nothing matches %q. Write a folder as FOLDER/...; its files must end in .yaml or .yml", strings.Join(paths, " "))
}

// print prints the lines about each file, and reports whether there are any.
func (r stockReport) print(verbose bool, lints func(target string) []string) (wrong bool) {
	for _, target := range r.targets {
		lines := lints(target)
		if verbose {
			fmt.Fprintf(os.Stdout, "%s: %s\n", target, map[bool]string{true: "OK", false: "FAILED"}[len(lines) == 0])
		}
		for _, line := range lines {
			fmt.Fprintln(os.Stderr, line)
		}
		wrong = wrong || len(lines) > 0
	}
	return wrong
}

var (
	colour  = regexp.MustCompile("\x1b\\[[0-9;]*m")
	verdict = regexp.MustCompile(`^(.*): (?:OK|FAILED)$`)
)

// stockLint runs Benthos's lint command. Only it knows which files a path stands for,
// which components templates add, how Markdown is linted, and which files a run cannot
// read.
func stockLint(ctx context.Context, arguments []string) (r stockReport, err error) {
	out, errOut, err := captured(func() error {
		options := append(stockOptions(&environment{}), service.CLIOptSetArgs(append([]string{binaryName}, arguments...)...))
		_, err := service.RunCLIToCode(ctx, options...)
		return err
	})
	if err != nil {
		return r, err
	}
	r.lints = map[string][]string{}
	for line := range strings.Lines(colour.ReplaceAllString(out, "")) {
		if match := verdict.FindStringSubmatch(strings.TrimSuffix(line, "\n")); match != nil {
			r.targets = append(r.targets, match[1])
		}
	}
	slices.Sort(r.targets)
	about := ""
	for line := range strings.Lines(colour.ReplaceAllString(errOut, "")) {
		line = strings.TrimSuffix(line, "\n")
		starts := slices.IndexFunc(r.targets, func(target string) bool { return strings.HasPrefix(line, target+"(") })
		switch {
		case starts >= 0:
			about = r.targets[starts]
			r.lints[about] = append(r.lints[about], line[len(about):])
		case about != "": // a message of several lines
			r.lints[about][len(r.lints[about])-1] += "\n" + line
		default:
			r.before += line + "\n"
		}
	}
	return r, nil
}

// captured returns what f prints. Benthos reads os.Stdout and os.Stderr when it starts.
func captured(f func() error) (out, errOut string, err error) {
	stdout, stderr := os.Stdout, os.Stderr
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()
	var texts [2]bytes.Buffer
	var writers [2]*os.File
	done := make(chan error, len(writers))
	for i := range writers {
		reader, writer, err := os.Pipe()
		if err != nil {
			return "", "", err
		}
		writers[i] = writer
		go func() {
			_, err := io.Copy(&texts[i], reader)
			reader.Close()
			done <- err
		}()
	}
	os.Stdout, os.Stderr = writers[0], writers[1]
	err = f()
	for _, writer := range writers {
		writer.Close()
	}
	for range writers {
		if copyErr := <-done; err == nil {
			err = copyErr
		}
	}
	return texts[0].String(), texts[1].String(), err
}
