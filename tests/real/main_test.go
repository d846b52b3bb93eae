// Package real_test runs the shipped pipelines as users do, with the real binary, a
// real Kafka and a real InfluxDB, and compares the content of InfluxDB with that of
// Kafka. Servers and pipelines are killed and paused; no faults are simulated in
// between.
//
// BenchmarkIngest is `make bench-ingest`.
package real_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
