// Command brandpulse-connect is a distribution of Benthos (Redpanda Connect)
// that generates tweets, counts their sentiment and writes it to InfluxDB.
package main

import (
	"context"

	"github.com/redpanda-data/benthos/v4/public/service"

	// Stock components, one package at a time: what is linked is what a
	// pipeline can reach.
	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"

	_ "github.com/brandpulse/brandpulse-connect/internal/otlptracer"
	_ "github.com/brandpulse/brandpulse-connect/plugins/all"
)

const documentationURL = "https://github.com/brandpulse/brandpulse-connect"

// localAddress is where Benthos's HTTP server listens unless a config says
// otherwise. Stock Benthos listens on all interfaces, and its endpoints have
// no login.
const localAddress = "127.0.0.1:4195"

func main() {
	collectGarbage(memoryLimit, gcPercent)
	version, built := versionAndDate()
	service.RunCLI(context.Background(),
		service.CLIOptSetBinaryName("brandpulse-connect"),
		service.CLIOptSetProductName("BrandPulse Connect"),
		service.CLIOptSetDocumentationURL(documentationURL),
		service.CLIOptSetVersion(version, built),
		service.CLIOptSetMainSchemaFrom(func() *service.ConfigSchema { return schema(version, built) }),
		service.CLIOptSetEnvVarLookup(lookupEnv),
		service.CLIOptAddCommand(demoCommand()),
		service.CLIOptAddCommand(dashboardCommand()),
		service.CLIOptAddCommand(auditCommand()),
		service.CLIOptSetDefaultConfigPaths(
			"/etc/brandpulse-connect/config.yaml",
			"brandpulse-connect.yaml",
		),
	)
}

func schema(version, built string) *service.ConfigSchema {
	s := service.GlobalEnvironment().FullConfigSchema(version, built)
	s.SetFieldDefault(localAddress, "http", "address")
	return s
}
