package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	"github.com/brandpulse/brandpulse-connect/internal/configcreate"
)

// createCommand replaces Benthos's create, whose configurations fail Benthos's own lint.
func createCommand() *cli.Command {
	return &cli.Command{
		Name:      "create",
		Usage:     "Print a new pipeline of the named components",
		ArgsUsage: "INPUTS/PROCESSORS/OUTPUTS",
		Description: `
Prints a pipeline that lint accepts. Values that you have to fill in are marked
"required"; optional fields are comments with an example.

   brandpulse-connect create kafka_batches/sentiment_window/influxdb
   brandpulse-connect create --small tweet_generator//redpanda
   brandpulse-connect create file,http_server/mapping/stdout
   brandpulse-connect create influxdb

Separate names with commas; several inputs or outputs become a broker. The default
input is stdin, the default output stdout. The command list shows all names.`[1:],
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "small", Aliases: []string{"s"}, Usage: "print only input, pipeline and output, without advanced fields"},
			&cli.StringSliceFlag{Name: "templates", Aliases: []string{"t"}, Usage: "`FILE` of a template, whose component can then be named; may be repeated"},
		},
		OnUsageError: usageError,
		Action:       runCreate,
	}
}

func runCreate(c *cli.Context) error {
	arguments, err := interspersed(c)
	if err != nil {
		return err
	}
	if len(arguments) > 1 {
		return fmt.Errorf("create takes one expression, got %q. Separate components with / and commas, without spaces", arguments)
	}
	full, err := schemaWith(anySlice(c, "templates"))
	if err != nil {
		return err
	}
	text, err := full.MarshalJSONV0()
	if err != nil {
		return err
	}
	command := []string{binaryName, "create"}
	if c.Bool("small") {
		command = append(command, "--small")
	}
	created, err := configcreate.Create(configcreate.Options{
		Schema:     text,
		Expression: strings.Join(arguments, ""),
		Small:      c.Bool("small"),
		Command:    strings.Join(append(command, arguments...), " "),
	})
	if err != nil {
		return fmt.Errorf("creating a pipeline: %w", err)
	}
	_, err = fmt.Fprint(os.Stdout, created)
	return err
}

// schemaWith returns the schema of the linked components and those of templates.
func schemaWith(templates []string) (*service.ConfigSchema, error) {
	env := components()
	for _, file := range templates {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, unread(err)
		}
		if err := env.RegisterTemplateYAML(string(text)); err != nil {
			return nil, fmt.Errorf("template %s: %w", file, err)
		}
	}
	s := env.FullConfigSchema(versionAndDate())
	s.SetFieldDefault(localAddress, "http", "address")
	return s, nil
}
