// Command brandpulse-connect is a distribution of Benthos (Redpanda Connect)
// that generates tweets, counts their sentiment and writes it to InfluxDB.
package main

import (
	"context"
	"os"
	"runtime/debug"

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

// memoryLimit is from how much memory on the garbage collector works harder
// instead of letting the heap double. A backlog read after an outage otherwise
// held 300 MB and more. It is soft, and GOMEMLIMIT in the environment replaces
// it: give more to pipelines that really hold more, or they spend their time on
// collecting.
const memoryLimit = 200 << 20

// gcPercent is how much is allocated between two collections, in percent of what
// was left by the last one, as long as the memory limit allows it. With Go's 100
// the collector took a tenth of the CPU of a pipeline of large messages, whose
// live memory is a small part of the limit. GOGC in the environment replaces it.
const gcPercent = 400

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryLimit)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
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
