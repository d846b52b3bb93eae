package testenv

import (
	"context"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// Versions of InfluxDB that tests run against.
const (
	InfluxV1 = influxd.V1
	InfluxV2 = influxd.V2
)

var influxes = map[string]*shared[*influxd.Server]{
	InfluxV1: sharedInflux(InfluxV1),
	InfluxV2: sharedInflux(InfluxV2),
}

func sharedInflux(version string) *shared[*influxd.Server] {
	return &shared[*influxd.Server]{
		name: "influxd-" + version,
		start: func(ctx context.Context, dir string) (*influxd.Server, error) {
			return influxd.Start(ctx, influxd.Options{Version: version, Dir: dir})
		},
	}
}

// Influx returns a new, empty bucket in the shared InfluxDB of that version.
func Influx(t testing.TB, version string) *influxd.Database {
	t.Helper()
	server := influxes[version].get(t)
	bucket := freshName(t)
	if err := server.CreateBucket(t.Context(), bucket, 0); err != nil {
		t.Fatal(err)
	}
	return server.Sibling(bucket)
}

// OwnInflux starts an InfluxDB for this test, which may kill and pause it. Its bucket
// is brandpulse. Dir of the options is set here.
func OwnInflux(t testing.TB, options influxd.Options) *influxd.Server {
	t.Helper()
	return startOwn(t, "influxd-"+options.Version, func(ctx context.Context, dir string) (*influxd.Server, error) {
		options.Dir = dir
		return influxd.Start(ctx, options)
	})
}

// EachInflux runs a test against both versions of InfluxDB if Full, otherwise against
// the first one given.
func EachInflux(t *testing.T, everyday string, test func(t *testing.T, version string)) {
	t.Helper()
	for _, version := range influxd.Versions {
		if version == everyday || Full() {
			t.Run(version, func(t *testing.T) { test(t, version) })
		}
	}
}
