package influxfaults_test

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/influxstream"
)

// impatient lets a scenario of at least 40 requests with many faults finish in seconds.
const impatient = `timeout: 1s
backoff: { initial_interval: 10ms, max_interval: 100ms }
flush_period: 100ms
max_points_per_request: %d
gzip: %t
`

const scenarioPoints = 20_000

// scenario is the faults of one stream's requests.
type scenario struct {
	name    string
	decide  influxfault.Decide
	plain   bool               // without compression
	happens []influxfault.Kind // each of these must happen
	twice   bool               // points must be stored more than once
	release bool               // held requests are applied after the stream has ended
	points  int                // most points per request; 0: 500
	least   time.Duration      // least duration of the stream, which was asked to wait
}

func scenarios() []scenario {
	kind := func(kinds ...influxfault.Kind) []influxfault.Kind { return kinds }
	some := func(share float64, kinds ...influxfault.Kind) influxfault.Decide {
		var faults []influxfault.Fault
		for _, k := range kinds {
			faults = append(faults, influxfault.Fault{Kind: k})
		}
		return influxfault.Seeded(1, share, faults...)
	}
	const (
		slow    = 200 * time.Millisecond
		tooSlow = 1500 * time.Millisecond // longer than the client waits
	)
	slowly := influxfault.Seeded(1, 0.4,
		influxfault.Fault{Kind: influxfault.SlowRequest, Time: slow}, influxfault.Fault{Kind: influxfault.SlowRequest, Time: tooSlow},
		influxfault.Fault{Kind: influxfault.SlowAnswer, Time: slow}, influxfault.Fault{Kind: influxfault.SlowAnswer, Time: tooSlow})
	all := []scenario{
		{name: "apply then hang", decide: some(0.15, influxfault.ApplyHang), happens: kind(influxfault.ApplyHang), twice: true},
		{name: "hang", decide: some(0.15, influxfault.Hang), happens: kind(influxfault.Hang)},
		{name: "apply then 500", decide: some(0.3, influxfault.ApplyError), happens: kind(influxfault.ApplyError), twice: true},
		{name: "reset before", decide: some(0.3, influxfault.ResetBefore), happens: kind(influxfault.ResetBefore)},
		{name: "reset after", decide: some(0.3, influxfault.ResetAfter), happens: kind(influxfault.ResetAfter), twice: true},
		{
			name:    "503 with Retry-After",
			decide:  influxfault.Seeded(1, 0.1, influxfault.Fault{Kind: influxfault.Unavailable, Time: time.Second}),
			happens: kind(influxfault.Unavailable), least: time.Second,
		},
		{name: "413", decide: influxfault.Above(2000), plain: true, happens: kind(influxfault.TooLarge)},
		{name: "413 of a compressed body", decide: influxfault.Above(1000), happens: kind(influxfault.TooLarge)},
		{name: "401 for a while", decide: unauthorizedFor(10, time.Second), happens: kind(influxfault.Unauthorized)},
		{
			name: "half an answer", decide: some(0.3, influxfault.HalfAnswer, influxfault.HalfError),
			happens: kind(influxfault.HalfAnswer, influxfault.HalfError), twice: true,
		},
		{name: "slow bodies", decide: slowly, happens: kind(influxfault.SlowRequest, influxfault.SlowAnswer), twice: true},
		{
			name: "late duplicates", decide: some(0.15, influxfault.HoldRequest, influxfault.HoldAnswer),
			happens: kind(influxfault.HoldRequest, influxfault.HoldAnswer), twice: true, release: true,
		},
	}
	seeds := []uint64{1}
	if testenv.Full() {
		seeds = append(seeds, 2, 3)
	}
	for _, seed := range seeds {
		mixed := []influxfault.Kind{
			influxfault.ApplyHang, influxfault.ApplyError, influxfault.Hang, influxfault.ResetBefore, influxfault.ResetAfter,
			influxfault.Unavailable, influxfault.TooLarge, influxfault.Unauthorized, influxfault.HalfAnswer, influxfault.HalfError,
			influxfault.SlowRequest, influxfault.SlowAnswer, influxfault.HoldRequest, influxfault.HoldAnswer,
		}
		var faults []influxfault.Fault
		for _, k := range mixed {
			faults = append(faults, influxfault.Fault{Kind: k, Time: slow})
		}
		all = append(all, scenario{
			name: fmt.Sprintf("all of them, seed %d", seed), decide: influxfault.Seeded(seed, 0.5, faults...),
			points: 200, happens: mixed, twice: true, release: true,
		})
	}
	return all
}

// unauthorizedFor responds 401 to everything that writes, including connection tests,
// from request n for a time.
func unauthorizedFor(n int, d time.Duration) influxfault.Decide {
	var began atomic.Pointer[time.Time]
	return func(r influxfault.Request) influxfault.Fault {
		if now := time.Now(); r.Number >= n {
			began.CompareAndSwap(nil, &now)
		}
		if since := began.Load(); since != nil && time.Since(*since) < d {
			return influxfault.Fault{Kind: influxfault.Unauthorized}
		}
		return influxfault.Fault{}
	}
}

// If this fails, points are lost, duplicated at another time, rejected although
// InfluxDB would accept them, or never acknowledged, while InfluxDB or the network
// fails.
func TestStoredPointsAreThoseThatWereSent(t *testing.T) {
	t.Parallel()
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		for _, s := range scenarios() {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.run(t, testenv.Influx(t, version))
			})
		}
	})
}

func (s scenario) run(t *testing.T, db *influxd.Database) {
	t.Helper()
	proxy, through := testenv.FaultyProxy(t, db, s.decide)
	batches, sent := sequence(scenarioPoints)
	began := time.Now()
	if rejected := influxstream.Write(t, through, fmt.Sprintf(impatient, cmp.Or(s.points, 500), !s.plain), batches); rejected != nil {
		t.Errorf("%d points are rejected, the first one: %s", len(rejected), rejected[0])
	}
	took := time.Since(began)
	if took < s.least {
		t.Errorf("it took %s, less than the wait of %s that was asked for", took, s.least)
	}
	mustHold(t, db, sent) // each batch was acknowledged
	if s.release {
		proxy.Release()
		testenv.Eventually(t, 10*time.Second, "the held requests are applied", func() error {
			if stats := proxy.Stats(); stats.Under > 0 {
				return fmt.Errorf("%d requests are under way", stats.Under)
			}
			return nil
		})
		mustHold(t, db, sent)
	}
	stats := proxy.Stats()
	t.Logf("%.1f s, %d requests, %d stored, %d lines stored more than once", took.Seconds(), stats.Requests, stats.Stored, stats.Twice)
	for _, k := range s.happens {
		if stats.Happened(k) == 0 {
			t.Errorf("%v has never happened, so this proves nothing", k)
		}
	}
	if stats.Lines != len(sent) {
		t.Errorf("%d different lines were stored for %d points: one was written in two forms", stats.Lines, len(sent))
	}
	if s.twice && stats.Twice == 0 {
		t.Error("no point was stored twice: its request was not sent again")
	}
}

// If this fails, the test above could not notice a loss: here a gateway responds 204
// and stores nothing.
func TestALossIsNoticed(t *testing.T) {
	t.Parallel()
	db := testenv.Influx(t, testenv.InfluxV1)
	proxy, through := testenv.FaultyProxy(t, db, influxfault.Seeded(1, 0.1, influxfault.Fault{Kind: influxfault.Lie}))
	batches, sent := sequence(scenarioPoints)
	influxstream.Write(t, through, fmt.Sprintf(impatient, 500, true), batches)
	if err := compare(read(t, db), sent); err == nil || proxy.Stats().Lines == len(sent) {
		t.Errorf("%d requests are lost, and the comparison does not notice it", proxy.Stats().Happened(influxfault.Lie))
	}
}
