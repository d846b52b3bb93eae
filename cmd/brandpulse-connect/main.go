// Command brandpulse-connect is a distribution of Benthos (Redpanda Connect)
// that generates tweets, counts their sentiment and writes it to InfluxDB.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/urfave/cli/v2"

	// Stock components, one package at a time: a pipeline can use only the
	// components that are linked.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/brandpulse/brandpulse-connect/internal/memory"
	_ "github.com/brandpulse/brandpulse-connect/internal/otlptracer"
	_ "github.com/brandpulse/brandpulse-connect/plugins/all"
)

const (
	binaryName       = "brandpulse-connect"
	productName      = "BrandPulse Connect"
	documentationURL = "https://github.com/brandpulse/brandpulse-connect"
)

// localAddress is the default address of Benthos's HTTP server. Stock Benthos
// listens on all interfaces, and its endpoints have no login.
const localAddress = "127.0.0.1:4195"

// configPaths are tried in this order if a command names no configuration.
var configPaths = []string{"/etc/brandpulse-connect/config.yaml", "brandpulse-connect.yaml"}

func main() {
	cli.HelpPrinter = printHelp
	cli.ErrWriter = wrappingOn(os.Stderr) //nolint:reassign // a writer, not an error value
	variables := &environment{}
	guard := &preflight{variables: variables}
	server := &serverWatch{stop: stopGracefully}
	code, err := service.RunCLIToCode(context.Background(), append(stockOptions(variables),
		service.CLIOptCustomRunFlags(nil, guard.check),
		service.CLIOptOnConfigParse(guard.checkStreams),
		service.CLIOptAddTeeLogger(slog.New(server)),
		service.CLIOptOnStreamStart(func(*service.RunningStreamSummary) error { return server.err() }),
		service.CLIOptAddCommand(demoCommand()),
		service.CLIOptAddCommand(dashboardCommand()),
		service.CLIOptAddCommand(auditCommand()),
		service.CLIOptAddCommand(dlqCommand()),
		service.CLIOptAddCommand(doctorCommand()),
		service.CLIOptAddCommand(connectionsCommand()),
		service.CLIOptAddCommand(lintCommand()),
		service.CLIOptAddCommand(topicCommand()),
		service.CLIOptAddCommand(createCommand()),
		service.CLIOptAddCommand(listCommand()),
		service.CLIOptAddCommand(templateCommand()),
	)...)
	if err == nil && server.err() != nil {
		code, err = 1, server.err()
	}
	if err != nil && !usageShown {
		fmt.Fprintln(cli.ErrWriter, explained(err))
	}
	if code != 0 {
		os.Exit(code)
	}
}

// stockOptions returns the options that Benthos's own commands run with in
// this distribution.
func stockOptions(variables *environment) []service.CLIOptFunc {
	version, built := versionAndDate()
	return []service.CLIOptFunc{
		service.CLIOptSetBinaryName(binaryName),
		service.CLIOptSetProductName(productName),
		service.CLIOptSetDocumentationURL(documentationURL),
		service.CLIOptSetVersion(version, built),
		service.CLIOptSetEnvironment(components()),
		service.CLIOptSetMainSchemaFrom(func() *service.ConfigSchema { return schema(version, built) }),
		service.CLIOptSetEnvVarLookup(variables.lookup),
		service.CLIOptSetDefaultConfigPaths(configPaths...),
	}
}

// components returns the linked components without those that run programs: anyone who
// can write a configuration, for instance through the REST API of streams mode, could
// run anything.
func components() *service.Environment {
	return service.GlobalEnvironment().Without("command", "subprocess")
}

func schema(version, built string) *service.ConfigSchema {
	s := components().FullConfigSchema(version, built)
	s.SetFieldDefault(localAddress, "http", "address")
	return s
}
