package faultlab

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	seedVariable     = "BRANDPULSE_FAULTLAB_SEED"
	scenarioVariable = "BRANDPULSE_FAULTLAB_SCENARIO" // runs only these, everyday or not: F06 or F06,F07
)

// AtOnce is how many laboratories can use the shared broker: its number of listeners
// for them.
const AtOnce = doors

// Scenario is a schedule of faults, with its checks besides the sums.
type Scenario struct {
	Name string // F01
	Does string
	// Everyday scenarios run at every change.
	Everyday bool
	// Versions of InfluxDB that matter to it: the first one every day.
	Versions []string
	// Seeds is the number of runs, each with its own seed; one if 0.
	Seeds   uint64
	Options Options
	Run     func(l *Lab)
}

// Wanted reports whether a scenario runs: those of the environment, or else the everyday
// ones, and all of them in a full run.
func Wanted(name string, everyday bool) bool {
	if chosen := os.Getenv(scenarioVariable); chosen != "" {
		return slices.Contains(strings.Split(chosen, ","), name)
	}
	return everyday || testenv.Full()
}

// Test runs a scenario, beside others, for each wanted version.
func (s Scenario) Test(t *testing.T, servers *Servers) {
	if !Wanted(s.Name, s.Everyday) {
		return
	}
	versions := s.Versions
	if !testenv.Full() {
		versions = versions[:1]
	}
	for _, version := range versions {
		runSeeds(t, s.Name+"/"+version, s.Seeds, func(t *testing.T, seed uint64) { s.run(t, servers, version, seed) })
	}
}

// runSeeds runs a test with several seeds, beside others.
func runSeeds(t *testing.T, name string, seeds uint64, run func(t *testing.T, seed uint64)) {
	first := Seed(t)
	for seed := first; seed < first+max(1, seeds); seed++ {
		t.Run(fmt.Sprintf("%s/seed %d", name, seed), func(t *testing.T) {
			t.Parallel()
			run(t, seed)
		})
	}
}

func (s Scenario) run(t *testing.T, servers *Servers, version string, seed uint64) {
	t.Helper()
	t.Logf("%s: %s; %s=%d", s.Name, s.Does, seedVariable, seed)
	l := newLab(t, servers, version, seed, s.Options)
	s.Run(l)
	l.Verify()
}

// WriteScenario is a schedule of faults of pipelines that write to Kafka.
type WriteScenario struct {
	Name     string // P01
	Does     string
	Everyday bool // it runs at every change
	Options  WriteOptions
	Run      func(l *WriteLab)
}

// Test runs a scenario, beside others.
func (s WriteScenario) Test(t *testing.T) {
	if !Wanted(s.Name, s.Everyday) {
		return
	}
	runSeeds(t, s.Name, 1, func(t *testing.T, seed uint64) {
		t.Logf("%s: %s; %s=%d", s.Name, s.Does, seedVariable, seed)
		l := newWriteLab(t, seed, s.Options)
		s.Run(l)
		l.Verify()
	})
}

// Seed returns the first seed: that of the environment, or another one each time.
func Seed(t testing.TB) uint64 {
	t.Helper()
	text, ok := os.LookupEnv(seedVariable)
	if !ok || text == "" {
		return uint64(time.Now().UnixNano()) % 100_000
	}
	seed, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s is not a number: %v", seedVariable, err)
	}
	return seed
}
