package influxfaults_test

import (
	"math/rand/v2"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// If this fails, of several values for one point, in one request or in several that are
// retried, another one than the last is stored, although order is promised.
func TestLastValueStays(t *testing.T) {
	t.Parallel()
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		for name, settings := range map[string]string{
			"one after the other": "requests_in_flight: 1\nmax_in_flight: 1\n",
			"order series":        "requests_in_flight: 4\nmax_in_flight: 1\norder: series\n",
		} {
			t.Run(name, func(t *testing.T) {
				db := testenv.Influx(t, version)
				batch, sent := again(200, 6_000)
				proxy, through := testenv.FaultyProxy(t, db, influxfault.Seeded(5, 0.4,
					influxfault.Fault{Kind: influxfault.ResetBefore}, influxfault.Fault{Kind: influxfault.ResetAfter},
					influxfault.Fault{Kind: influxfault.Unavailable}, influxfault.Fault{Kind: influxfault.ApplyError}))
				if rejected := influxstream.Write(t, through, settings+`max_points_per_request: 100
flush_period: 10ms
backoff: { initial_interval: 20ms, max_interval: 50ms }
`, []service.MessageBatch{batch}); len(rejected) > 0 {
					t.Errorf("rejected: %d", len(rejected))
				}
				mustHold(t, db, sent)
				if stats := proxy.Stats(); stats.Requests-stats.Stored < 10 || stats.Twice == 0 {
					t.Errorf("%d requests, %d stored, %d points twice, so this proves nothing", stats.Requests, stats.Stored, stats.Twice)
				}
			})
		}
	})
}

// again returns n lines for a few points, each with an increasing value, in one batch
// of messages with 1,500 lines.
func again(few, n int) (batch service.MessageBatch, sent points) {
	random := rand.New(rand.NewPCG(1, 2))
	sent = points{}
	var lines []string
	for i := range n {
		at := start + int64(random.IntN(few))
		sent[at] = int64(i)
		lines = append(lines, line(at, int64(i)))
		if len(lines) == 1500 {
			batch = append(batch, message(lines))
			lines = nil
		}
	}
	return batch, sent
}
