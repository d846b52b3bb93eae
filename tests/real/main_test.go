// Package real_test runs the shipped pipelines as users do, the real binary
// against a real Kafka and a real InfluxDB, and compares what InfluxDB holds
// with what Kafka holds. Servers and pipelines are killed and paused here:
// nothing in between is made to fail by hand.
//
// BenchmarkIngest is `make bench-ingest`.
package real_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
