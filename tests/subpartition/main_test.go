// Package subpartition_test runs the input subpartition around its children on a real Kafka:
// the order of each key, nothing lost over stops and rebalances, and what it does to the
// speed of a slow sink.
package subpartition_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
