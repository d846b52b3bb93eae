package stream

import (
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
)

// Hold is longer than commit_period of the shipped pipelines: whoever commits
// what InfluxDB has not answered for does it meanwhile.
const Hold = 1500 * time.Millisecond

// HoldRequests lets no request through the proxy, until one has waited for so
// long that offsets were committed meanwhile. kind is HoldRequest or HoldAnswer.
func HoldRequests(t testing.TB, proxy *influxfault.Proxy, kind influxfault.Kind) influxfault.Stats {
	t.Helper()
	proxy.SetFaults(influxfault.Always(influxfault.Fault{Kind: kind}))
	Await(t, "a request is held", func() bool { return proxy.Stats().Held > 0 })
	time.Sleep(Hold)
	return proxy.Stats()
}

// Release lets go of what is held, and all that follows through.
func Release(proxy *influxfault.Proxy) {
	proxy.SetFaults(nil)
	proxy.Release()
}
