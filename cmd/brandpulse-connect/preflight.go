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

// preflight looks at the configuration of a command before Benthos reads it.
type preflight struct {
	variables *environment
	restAPI   bool // the command serves the REST API of streams mode
}

// check finds values that must not go on, and for a run all that lint finds, with the
// fields and variables that stock lint does not name. Benthos calls it for each of its
// commands.
func (p *preflight) check(c *cli.Context) error {
	command := c.Command.Name
	run := command == "run" || command == binaryName
	if !run && command != "streams" && command != "echo" {
		return nil // test, blobl and the like set variables of their own.
	}
	if err := flagsFirst(c); err != nil {
		return err
	}
	p.restAPI = command == "streams" && !c.Bool("no-api")
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
	// What --set changes is not in the files: then stock lint has the word alone.
	lint := run && !anyBool(c, "chilled") && len(anySlice(c, "set")) == 0
	found := false
	var checked []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // Benthos says so.
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
		return errors.New("the configuration was not read: see above")
	}
	p.variables.guard(checked)
	if run || command == "streams" {
		return httpOf(c, linter, files).try()
	}
	return nil
}

// noPipeline is the error of a run without a configuration, which Benthos would answer by
// copying stdin to stdout.
func noPipeline() error {
	return fmt.Errorf(`no pipeline to run: no file was named, and neither %s exists.
Run one with %s run FILE, print a new one with %s create,
or see what else there is with %s --help`, strings.Join(configPaths, " nor "), binaryName, binaryName, binaryName)
}

// located is a finding as stock lint prints one.
func located(file string, f configlint.Finding) string {
	return fmt.Sprintf("%s(%d,%d) %s", file, f.Line, f.Column, f.What)
}

// configFiles are the files that a command reads.
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

// appendFiles adds a file, or those of a folder that streams mode reads. What cannot
// be read is Benthos's to say.
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

// The flags of Benthos stand before its command or behind it.

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

// checkStreams refuses to serve the REST API of streams mode to everybody. Benthos has
// no place for a check of our own in front of it. Any web page that a browser on this
// machine shows could make a stream, which reads and writes files with the rights of
// this process, and whoever reaches the port could see the settings of all streams.
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
		return errors.New("streams mode does not serve its REST API without a login: set http.basic_auth in the file of --observability, or leave the API out with --no-api")
	}
	return nil
}

// explained returns an error of Benthos with what to do about it, and without the value
// that Benthos repeats when it cannot hide a secret, since that is no text. In a file
// such a secret is found before; --set is left.
func explained(err error) string {
	if text := err.Error(); strings.Contains(text, "failed to check if condition: expected string value, got") {
		before, _, _ := strings.Cut(text, ":")
		return before + `: a setting that is a secret must be text: put its value into quotes, as in --set 'output.influxdb.password="1234"'`
	}
	// Benthos takes a flag behind the file for a second file, before check sees it.
	if text := err.Error(); strings.HasPrefix(text, "a maximum of one config must be specified") {
		return text + "; flags come before the file: " + binaryName + " run [OPTIONS] FILE"
	}
	return err.Error()
}
