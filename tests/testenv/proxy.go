package testenv

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
)

// FaultyProxy puts a proxy before a bucket and gives the bucket as seen through
// it. The test fails with the proxy itself.
func FaultyProxy(t testing.TB, bucket *influxd.Database, decide influxfault.Decide) (*influxfault.Proxy, *influxd.Database) {
	t.Helper()
	proxy, err := influxfault.Listen(bucket.URL, decide)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := proxy.Close(); err != nil {
			t.Errorf("the proxy before InfluxDB: %v", err)
		}
	})
	through := *bucket
	through.URL = proxy.URL
	return proxy, &through
}
