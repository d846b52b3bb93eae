package stream

import (
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
)

// Hold is longer than commit_period of the shipped pipelines: a pipeline that commits
// batches before InfluxDB has responded does so in this time.
const Hold = 1500 * time.Millisecond

// HoldRequests holds all requests in the proxy until one has waited so long that
// offsets were committed meanwhile. kind is HoldRequest or HoldAnswer.
func HoldRequests(t testing.TB, proxy *influxfault.Proxy, kind influxfault.Kind) influxfault.Stats {
	t.Helper()
	proxy.SetFaults(influxfault.Always(influxfault.Fault{Kind: kind}))
	Await(t, "a request is held", func() bool { return proxy.Stats().Held > 0 })
	time.Sleep(Hold)
	return proxy.Stats()
}

// Release releases the held requests, and lets all later ones pass.
func Release(proxy *influxfault.Proxy) {
	proxy.SetFaults(nil)
	proxy.Release()
}
