package oracle_test

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, points that Flux returns twice look like points that the pipeline has
// written twice.
func TestPointsThatFluxRepeatsCountOnce(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.InfluxThatRepeats(t, version)
			counts, err := oracle.ReadInflux(t.Context(), server.Database)
			if err != nil || counts.Total() != testenv.PointsThatRepeat {
				t.Errorf("read %d tweets of %d, %v", counts.Total(), testenv.PointsThatRepeat, err)
			}
			if n, err := oracle.CountPoints(t.Context(), server.Database); err != nil || n != testenv.PointsThatRepeat {
				t.Errorf("%d points of %d, %v", n, testenv.PointsThatRepeat, err)
			}
		})
	}
}
