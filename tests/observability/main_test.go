// Package observability tests the monitoring of a pipeline, without Docker: the files
// in observability/ with Prometheus's own promtool, every query of the dashboards
// against a real InfluxDB and a real Prometheus while the real binary runs, the log as
// JSON, and traces.
package observability

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
