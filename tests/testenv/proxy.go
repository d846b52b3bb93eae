package testenv

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
)

// FaultyProxy starts a proxy in front of a bucket and returns the bucket as seen
// through it. The test fails if the proxy itself does.
func FaultyProxy(t testing.TB, bucket *influxd.Database, decide influxfault.Decide) (*influxfault.Proxy, *influxd.Database) {
	t.Helper()
	proxy, err := influxfault.Listen(bucket.URL, decide)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Errorf("the proxy in front of InfluxDB: %v", err)
		}
	})
	through := *bucket
	through.URL = proxy.URL
	return proxy, &through
}
