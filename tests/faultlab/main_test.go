package faultlab_test

import (
	"flag"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// Most of a scenario is waiting: more of them at once than there are cores.
const atOnce = 3

func TestMain(m *testing.M) {
	flag.Parse()
	if cores, err := strconv.Atoi(flag.Lookup("test.parallel").Value.String()); err == nil && cores < atOnce {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce))
	}
	os.Exit(testenv.Main(m))
}

// If this fails, a fault that the promise covers makes InfluxDB hold more or
// fewer tweets than Kafka, for a moment or for good.
func TestFaults(t *testing.T) {
	servers := faultlab.StartServers(t)
	for _, s := range slices.Concat(processFaults, influxFaults, offsetFaults, soak) {
		s.Test(t, servers)
	}
}
