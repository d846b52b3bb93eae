package influxfaults_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// If this fails, while resets hide the results of requests, a bad point affects good
// ones, is lost or rejected twice, or a good one is rejected.
func TestBadPointsAreFoundThroughResets(t *testing.T) {
	t.Parallel()
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		server := testenv.OwnInflux(t, influxd.Options{Version: version})
		if err := server.CreateBucket(t.Context(), "hours", 2*time.Hour); err != nil {
			t.Fatal(err)
		}
		db := server.Sibling("hours")
		now := time.Now().Truncate(time.Hour).UnixNano() // one shard for all
		batches, sent, bad := withBadPoints(now, 20_000)

		// The first point sets the type of the field: 1.8 stores nothing of a request
		// with two types for a new field.
		if err := db.Write(t.Context(), []byte(line(now, sent[now]))); err != nil {
			t.Fatal(err)
		}
		proxy, through := testenv.FaultyProxy(t, db, influxfault.Seeded(3, 0.3,
			influxfault.Fault{Kind: influxfault.ResetBefore}, influxfault.Fault{Kind: influxfault.ResetAfter}))
		began := time.Now()
		rejected := influxstream.Write(t, through, `max_points_per_request: 5000
requests_in_flight: 1
timeout: 5s
max_in_flight: 100
max_body_bytes: 1000000
rejected_max_bytes: 2000000
backoff: { initial_interval: 5ms, max_interval: 50ms }
`, batches)
		took := time.Since(began)

		mustHold(t, db, sent)
		var lines []string
		for _, r := range rejected {
			// The reason may repeat the point, which has no bar.
			point, reason, _ := strings.Cut(r, " | ")
			lines = append(lines, point)
			if reason == "" {
				t.Errorf("rejected without a reason: %.200s", point)
			}
		}
		slices.Sort(lines)
		slices.Sort(bad)
		if !slices.Equal(lines, bad) {
			t.Errorf("%d points are rejected, want the %d bad ones, each once", len(lines), len(bad))
		}
		stats := proxy.Stats()
		resets := stats.Happened(influxfault.ResetBefore) + stats.Happened(influxfault.ResetAfter)
		t.Logf("%.1f s: %d bad points of %d took %d requests with %d resets", took.Seconds(), len(bad), len(bad)+len(sent), stats.Requests, resets)
		if resets == 0 || stats.Happened(influxfault.ResetAfter) == 0 {
			t.Error("no resets, so this proves nothing")
		}
	})
}

// withBadPoints returns n points from a time in batches of one message of 200 lines,
// with bad ones of each kind among them, scattered and side by side.
func withBadPoints(from int64, n int) (batches []service.MessageBatch, good points, bad []string) {
	good = points{}
	var lines []string
	for i := range int64(n) {
		at, text := from+i, ""
		switch {
		case i%1999 == 1000: // the type of another field
			text = fmt.Sprintf("faults,host=a value=0.5 %d", at)
		case i%2503 == 1500:
			text = fmt.Sprintf("faults,host=a value=nonsense %d", at)
		case i%4001 == 2000 || i%4001 == 2001: // beyond retention
			text = line(at-5*time.Hour.Nanoseconds(), i)
		case i%9001 == 5000: // above max_body_bytes
			text = fmt.Sprintf("faults,host=a text=%q %d", strings.Repeat("x", 1_100_000), at)
		}
		if text == "" {
			good[at] = i
			text = line(at, i)
		} else {
			bad = append(bad, text)
		}
		if lines = append(lines, text); len(lines) == 200 || i == int64(n)-1 {
			batches = append(batches, service.MessageBatch{message(lines)})
			lines = nil
		}
	}
	return batches, good, bad
}
