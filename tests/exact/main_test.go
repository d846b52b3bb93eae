// Package exact_test shows the promise of config/exact.yaml on a real Kafka and
// a real InfluxDB: whatever is killed, paused, rebalanced or read again, what
// InfluxDB holds equals what Kafka holds, and never is there more. It also runs
// the input kafka_batches by itself, for what the Kafka in this process cannot
// prove: that batches come as a real broker keeps and cuts them.
//
// Everyday runs show what the fault laboratory (tests/faultlab) does not: refused
// batches, two topics in one measurement, what a broker loses. The long one
// (BRANDPULSE_TEST_FULL=1, `make test-exact`) takes 2,000,000 tweets through one
// fault after the other, over 8 and 24 partitions, into both versions of InfluxDB,
// and shows that the same faults spoil the sums of config/ingest.yaml.
package exact_test

import (
	"os"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
