package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// preflight checks the configuration of a command before Benthos reads it.
type preflight struct {
	variables *environment
	restAPI   bool // the command serves the REST API of streams mode
}

// check rejects unsafe values and, for a run, everything that lint reports, with the
// fields and variables that stock lint does not name. Benthos calls it for each of its
// commands.
func (p *preflight) check(c *cli.Context) error {
	command := c.Command.Name
	run := command == "run" || command == binaryName
	if !run && command != "streams" && command != "echo" {
		if command == "test" {
			return filesExist(c.Args().Slice())
		}
		return nil // test, blobl and the like set variables of their own.
	}
	if err := flagsFirst(c); err != nil {
		return err
	}
	p.restAPI = command == "streams" && !c.Bool("no-api")
	if command == "streams" {
		if err := filesExist(c.Args().Slice()); err != nil {
			return err
		}
	}
	files, err := configFiles(c)
	if err != nil {
		return err
	}
	if run && len(files) == 0 && len(anySlice(c, "set")) == 0 {
		return noPipeline()
	}
	linter, err := configlint.New(schema(versionAndDate()), os.LookupEnv)
	if err != nil {
		return err
	}
	// The files do not show the values of --set, so with --set only stock lint runs.
	lint := run && !anyBool(c, "chilled") && len(anySlice(c, "set")) == 0
	found := false
	var checked []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			return unread(err)
		}
		if err != nil {
			continue // Benthos reports it.
		}
		var findings []configlint.Finding
		if lint {
			findings = linter.All(text).Findings
		} else {
			findings = linter.Safe(text)
		}
		for _, f := range findings {
			found = true
			fmt.Fprintln(os.Stderr, located(file, f))
		}
		checked = append(checked, configlint.Variables(text)...)
	}
	if found && lint {
		return fmt.Errorf("shutting down due to linter errors, to prevent shutdown run %s with --chilled", productName)
	}
	if found {
		return errors.New("the configuration was not read because of the errors above")
	}
	p.variables.guard(checked)
	if run || command == "streams" {
		return httpOf(c, linter, files).try()
	}
	return nil
}

// filesExist returns an error if a path is of a file that does not exist. Benthos expands
// patterns and folders with '...' itself.
func filesExist(paths []string) error {
	for _, path := range paths {
		if strings.ContainsAny(path, "*?[") || strings.HasSuffix(path, "...") {
			continue
		}
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			return unread(err)
		}
	}
	return nil
}

// noPipeline returns the error for a run without a configuration, for which Benthos would
// copy stdin to stdout.
func noPipeline() error {
	return fmt.Errorf(`no pipeline to run: no file was named, and neither
%s exists.
Run a pipeline with %s run FILE, or create one with
%s create. For all commands, run %s --help`, strings.Join(configPaths, " nor "), binaryName, binaryName, binaryName)
}

// located returns a finding in the format of stock lint.
func located(file string, f configlint.Finding) string {
	return fmt.Sprintf("%s(%d,%d) %s", file, f.Line, f.Column, f.What)
}

// configFiles returns the files that a command reads.
func configFiles(c *cli.Context) (files []string, err error) {
	arguments := c.Args().Slice()
	switch c.Command.Name {
	case "streams":
		if root := c.String("observability"); root != "" {
			files = append(files, root)
		}
		for _, path := range arguments {
			files = appendFiles(files, path)
		}
	default:
		files = append(files, arguments...)
	}
	if config := anyString(c, "config"); config != "" {
		files = append(files, config)
	}
	if len(files) == 0 {
		for _, path := range configPaths {
			if _, err := os.Stat(path); err == nil {
				files = append(files, path)
				break
			}
		}
	}
	for _, pattern := range anySlice(c, "resources") {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			return nil, fmt.Errorf("resources %s: %w", pattern, err)
		}
		files = append(files, matches...)
	}
	return files, nil
}

// appendFiles adds a file, or the files of a folder that streams mode reads. Benthos
// reports those that cannot be read.
func appendFiles(files []string, path string) []string {
	_ = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		extension := filepath.Ext(file)
		config := (extension == ".yaml" || extension == ".yml") && !strings.HasSuffix(strings.TrimSuffix(file, extension), "_benthos_test")
		if config || file == path {
			files = append(files, file)
		}
		return nil
	})
	return files
}

// Benthos accepts its flags before and after the command.

func anyString(c *cli.Context, name string) string {
	for _, at := range c.Lineage() {
		if value := at.String(name); value != "" {
			return value
		}
	}
	return ""
}

func anySlice(c *cli.Context, name string) []string {
	for _, at := range c.Lineage() {
		if values := at.StringSlice(name); len(values) > 0 {
			return values
		}
	}
	return nil
}

func anyBool(c *cli.Context, name string) bool {
	return slices.ContainsFunc(c.Lineage(), func(at *cli.Context) bool { return at.Bool(name) })
}

// checkStreams rejects a REST API of streams mode without a login, since Benthos cannot
// put a check of ours in front of it. Any web page in a browser on this machine could
// create a stream, which reads and writes files with the rights of this process, and
// anyone who reaches the port could read the settings of all streams.
func (p *preflight) checkStreams(root *service.ParsedConfig) error {
	if !p.restAPI {
		return nil
	}
	enabled, err := root.FieldBool("http", "enabled")
	if err != nil {
		return err
	}
	login, err := root.FieldBool("http", "basic_auth", "enabled")
	if err != nil {
		return err
	}
	if enabled && !login {
		return errors.New("streams mode does not serve its REST API without a login. Set http.basic_auth in the file of --observability, or disable the API with --no-api")
	}
	return nil
}

// explained adds to an error of Benthos what to do about it. Benthos cannot hide a secret
// that is not text, and repeats its value in the error; explained removes the value. Lint
// finds such a secret in a file, but not in --set.
func explained(err error) string {
	if text := err.Error(); strings.Contains(text, "failed to check if condition: expected string value, got") {
		before, _, _ := strings.Cut(text, ":")
		return before + `: a secret must be text. Put its value into quotes, as in --set 'output.influxdb.password="1234"'`
	}
	// Benthos reads a flag after the file as a second file, and fails before check runs.
	if text := err.Error(); strings.HasPrefix(text, "a maximum of one config must be specified") {
		return "run takes one file, and its flags come before the file:\n   " + binaryName + " run [OPTIONS] FILE"
	}
	return err.Error()
}
