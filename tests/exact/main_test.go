// Package exact_test checks the promise of config/exact.yaml on a real Kafka and a real
// InfluxDB: whatever is killed, paused, rebalanced or replayed, InfluxDB holds what
// Kafka holds, and never more. It also runs the input kafka_batches alone, for what the
// Kafka in this process cannot prove: that batches are delivered as a real broker
// stores and splits them.
//
// Everyday runs cover what the fault laboratory (tests/faultlab) does not: rejected
// batches, two topics in one measurement, records that a broker loses. The long run
// (BRANDPULSE_TEST_FULL=1, `make test-exact`) takes 2,000,000 tweets through one fault
// after the other, over 8 and 24 partitions, into both versions of InfluxDB, and shows
// that the same faults spoil the sums of config/ingest.yaml.
package exact_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
