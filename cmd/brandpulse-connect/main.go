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

	// Stock components, one package at a time: what is linked is what a
	// pipeline can reach.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/brandpulse/brandpulse-connect/internal/otlptracer"
	_ "github.com/brandpulse/brandpulse-connect/plugins/all"
)

const (
	binaryName       = "brandpulse-connect"
	productName      = "BrandPulse Connect"
	documentationURL = "https://github.com/brandpulse/brandpulse-connect"
)

// localAddress is where Benthos's HTTP server listens unless a config says
// otherwise. Stock Benthos listens on all interfaces, and its endpoints have
// no login.
const localAddress = "127.0.0.1:4195"

// configPaths are where a configuration is looked for if a command names none.
var configPaths = []string{"/etc/brandpulse-connect/config.yaml", "brandpulse-connect.yaml"}

func main() {
	collectGarbage(memoryLimit, gcPercent)
	cli.HelpPrinter = printHelp
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
		service.CLIOptAddCommand(lintCommand()),
		service.CLIOptAddCommand(topicCommand()),
		service.CLIOptAddCommand(createCommand()),
		service.CLIOptAddCommand(listCommand()),
		service.CLIOptAddCommand(templateCommand()),
	)...)
	if err == nil && server.err() != nil {
		code, err = 1, server.err()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, explained(err))
	}
	if code != 0 {
		os.Exit(code)
	}
}

// stockOptions are what Benthos's own commands need to be ours.
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

// components are all that are linked but those that run programs: whoever can write a
// configuration, by the REST API of streams mode for instance, could run anything.
func components() *service.Environment {
	return service.GlobalEnvironment().Without("command", "subprocess")
}

func schema(version, built string) *service.ConfigSchema {
	s := components().FullConfigSchema(version, built)
	s.SetFieldDefault(localAddress, "http", "address")
	return s
}
