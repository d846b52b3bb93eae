// Package exact_test runs the input kafka_batches against a real Kafka, for what
// the Kafka in this process cannot prove: that batches come as a real broker
// keeps and cuts them.
package exact_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
