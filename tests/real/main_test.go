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
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// patience is how long a pipeline may take for what it does in seconds, on a machine
// that is busy with other things.
const patience = 3 * time.Minute

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
