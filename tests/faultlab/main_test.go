package faultlab_test

import (
	"os"
	"slices"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// If this fails, a fault that the promise covers makes InfluxDB hold more or
// fewer tweets than Kafka, for a moment or for good.
func TestFaults(t *testing.T) {
	servers := faultlab.StartServers(t)
	for _, s := range slices.Concat(processFaults) {
		s.Test(t, servers)
	}
}
