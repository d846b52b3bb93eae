package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/nearest"
)

var (
	listTypes = []string{
		"inputs", "processors", "outputs", "caches", "rate-limits", "buffers", "metrics", "tracers", "scanners",
		"bloblang-functions", "bloblang-methods",
	}
	listFormats  = []string{"text", "json", "json-full", "json-full-scrubbed", "jsonschema", "cue"}
	listStatuses = []string{"stable", "beta", "experimental"}
)

// listCommand runs Benthos's list, which prints nothing for an unknown type or format,
// after checking both.
func listCommand() *cli.Command {
	return &cli.Command{
		Name:      "list",
		Usage:     "List the components that a pipeline can use",
		ArgsUsage: "[TYPES]",
		Description: `
   brandpulse-connect list
   brandpulse-connect list inputs outputs
   brandpulse-connect list --format json processors
   brandpulse-connect list --format jsonschema bloblang-functions now

Types: inputs, processors, outputs, caches, rate-limits, buffers, metrics, tracers,
scanners, bloblang-functions, bloblang-methods. The default is all of them.`[1:],
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "format", Value: "text", Usage: "one of " + strings.Join(listFormats, ", ")},
			&cli.StringFlag{Name: "status", Usage: "list only components that are stable, beta or experimental"},
			&cli.StringSliceFlag{Name: "templates", Aliases: []string{"t"}, Usage: "import `FILES` of templates; supports glob patterns (requires quotes)"},
		},
		OnUsageError: usageError,
		Action:       runList,
	}
}

func runList(c *cli.Context) error {
	types, err := interspersed(c)
	if err != nil {
		return err
	}
	format := c.String("format")
	err = oneOf("format", "--format", format, listFormats)
	if status := c.String("status"); status != "" {
		err = errors.Join(err, oneOf("status", "--status", status, listStatuses))
	}
	// In a JSON schema of Bloblang, further arguments are names of functions or methods.
	names := format == "jsonschema" && len(types) > 0 && strings.HasPrefix(types[0], "bloblang-")
	for _, name := range types {
		if !names {
			err = errors.Join(err, oneOf("component type", "list", name, listTypes))
		}
	}
	if err != nil {
		return err
	}
	arguments := []string{binaryName, "list", "--format", format}
	if status := c.String("status"); status != "" {
		arguments = append(arguments, "--status", status)
	}
	for _, templates := range anySlice(c, "templates") {
		arguments = append(arguments, "--templates", templates)
	}
	options := append(stockOptions(&environment{}), service.CLIOptSetArgs(append(append(arguments, "--"), types...)...))
	_, err = service.RunCLIToCode(c.Context, options...)
	return err
}

// oneOf returns an error if a value is not among the known ones.
func oneOf(what, where, value string, known []string) error {
	if slices.Contains(known, value) {
		return nil
	}
	hint := ""
	if near := nearest.Name(value, known); near != "" {
		hint = fmt.Sprintf(" Did you mean %s?", near)
	}
	return fmt.Errorf("%s: unknown %s %q.%s Choose from %s", where, what, value, hint, strings.Join(known, ", "))
}
