package faultlab_test

import (
	"flag"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// A scenario mostly waits, so more run at once than there are cores, but no more than
// the broker has listeners.
func TestMain(m *testing.M) {
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", strconv.Itoa(min(max(runtime.NumCPU(), 3), faultlab.AtOnce)))
	}
	os.Exit(testenv.Main(m))
}

// If this fails, a fault that the promise covers makes InfluxDB hold more or fewer
// tweets than Kafka, temporarily or permanently.
func TestFaults(t *testing.T) {
	scenarios := slices.Concat(processFaults, influxFaults, offsetFaults, soak, startFaults, answerFaults, valueFaults, registryFaults, rewindFaults, logFaults, topicFaults, brokerFaults, generatorFaults, diskFaults, clusterFaults)
	if !slices.ContainsFunc(scenarios, func(s faultlab.Scenario) bool { return faultlab.Wanted(s.Name, s.Everyday) }) {
		return // without starting servers
	}
	servers := faultlab.StartServers(t)
	for _, s := range scenarios {
		s.Test(t, servers)
	}
}

// If this fails, a fault that the promise covers makes the output kafka_batches
// acknowledge a record that Kafka does not have, or write one that was never sent.
func TestWriteFaults(t *testing.T) {
	for _, s := range writeFaults {
		s.Test(t)
	}
}
