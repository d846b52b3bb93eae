package configs_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// refusedBrand is a brand whose points the fake InfluxDB rejects.
const (
	refusedBrand = "Refused"
	refusal      = "no room for this brand"
)

func refuseBrand(line string) string {
	if strings.Contains(line, "brand="+refusedBrand+",") {
		return refusal
	}
	return ""
}

// failThrice is an InfluxDB that is down, then stores without responding, then stores
// and responds with an error, and then works.
func failThrice() func(n int, lines []string) influxfake.Fault {
	var failed atomic.Int64
	return func(n int, _ []string) influxfake.Fault {
		if n < 0 { // without points: a connection test
			return influxfake.Fault{}
		}
		switch failed.Add(1) {
		case 1:
			return influxfake.Fault{Status: 503}
		case 2:
			return influxfake.Fault{Reset: true, Apply: true}
		case 3:
			return influxfake.Fault{Status: 500, Apply: true}
		}
		return influxfake.Fault{}
	}
}

// failedTwice waits until each of the outputs has failed twice.
func failedTwice(t testing.TB, program *testenv.Program, labels ...string) {
	t.Helper()
	testenv.Eventually(t, time.Minute, "the outputs have failed twice", func() error {
		metrics, err := program.Metrics(t.Context())
		if err != nil {
			return err
		}
		for _, label := range labels {
			if n := metrics.Sum("output_error", "label", label); n < 2 {
				return fmt.Errorf("%s has failed %v times", label, n)
			}
		}
		return nil
	})
}
