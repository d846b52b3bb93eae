package exact_test

import (
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	// session is how long the group waits for a silent member.
	session  = 2 * time.Second
	outage   = 4 * time.Second
	patience = time.Minute
)

func (r *run) holdRequests(t *testing.T, kind influxfault.Kind) influxfault.Stats {
	t.Helper()
	return stream.HoldRequests(t, r.proxy, kind)
}

func (r *run) release() { stream.Release(r.proxy) }

// killHeld kills a process that has written requests without a response, and has read
// more.
func (r *run) killHeld(t *testing.T, p *testenv.Program) {
	t.Helper()
	seen := r.holdRequests(t, influxfault.HoldAnswer)
	lag := r.reader.Lag(t)
	p.Kill(t)
	r.release()
	if seen.Held == 0 || lag == 0 {
		t.Errorf("killed with %d requests in flight and lag %d, want both above 0", seen.Held, lag)
	}
}

// holdAndStop stops a process gracefully that cannot write.
func (r *run) holdAndStop(t *testing.T, p *testenv.Program) {
	t.Helper()
	r.holdRequests(t, influxfault.HoldAnswer)
	code := p.Stop(t)
	r.release()
	t.Logf("exit code %d of a process that could not write", code)
}

// repeats runs do, and fails the test unless at least this many lines are rewritten
// because of it. The test continues, since the sums are more informative. The stock
// input need not rewrite the same lines, so any count.
func (r *run) repeats(t *testing.T, least int, do func()) {
	t.Helper()
	again := func() int { return r.proxy.Stats().Twice }
	if !r.exact {
		least, again = 1, func() int { return r.proxy.Stats().Stored }
	}
	before := again()
	do()
	for deadline := time.Now().Add(patience / 3); again() < before+least; time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("%d lines were rewritten, want %d", again()-before, least)
			return
		}
	}
}

// starts returns the first offsets.
func (r *run) starts() map[int32]int64 {
	offsets := map[int32]int64{}
	for partition := range r.partitions {
		offsets[partition] = 0
	}
	return offsets
}

// insideBatches returns, for each partition, an offset inside a record batch that
// InfluxDB has stored. If the batches are unknown it is half of the committed offset.
func (r *run) insideBatches(t *testing.T) map[int32]int64 {
	t.Helper()
	offsets := map[int32]int64{}
	committed := r.reader.Committed(t.Context(), kadm.NewClient(r.Kafka.Client(t)))
	if !r.exact {
		for partition, offset := range committed {
			offsets[partition] = offset / 2
		}
		return offsets
	}
	coverage, err := oracle.ReadCoverage(t.Context(), r.server.Database)
	if err != nil {
		t.Fatal(err)
	}
	offsets = coverage.Inside(committed)
	if len(offsets) == 0 {
		t.Fatal("no batch has more than one record")
	}
	return offsets
}

// becomeZombie pauses a process with requests in flight until the other one, which it
// starts, has the partitions and has written the same points. Then InfluxDB gets the
// requests, and the process continues with what it had in memory.
func (r *run) becomeZombie(t *testing.T, zombie, other *testenv.Program) {
	t.Helper()
	held := r.holdRequests(t, influxfault.HoldRequest)
	lag := r.reader.Lag(t)
	zombie.Pause(t)
	r.proxy.SetFaults(nil)
	stored := r.proxy.Stats().Stored
	other.Restart(t)
	stream.AwaitCounted(t, other, lag)
	r.reader.AwaitMembers(t, 1)
	stream.Await(t, "the other process has written", func() bool { return r.proxy.Stats().Stored > stored })
	r.repeats(t, 1, r.proxy.Release)
	zombie.Resume(t)
	t.Logf("%d requests of the paused process were applied when others had its partitions", held.Held)
	r.reader.AwaitMembers(t, 2)
	so, err := stream.Counted(t.Context(), zombie)
	if err != nil {
		t.Fatal(err)
	}
	stream.AwaitCounted(t, zombie, so+1)
}

// outage kills InfluxDB, stops a process meanwhile, and restarts InfluxDB.
func (r *run) outage(t *testing.T, leaver *testenv.Program) {
	t.Helper()
	var before int64
	r.samples.While(func() { before = r.away(t, leaver) })
	usual := max(before, int64(2*r.rate)) // commits happen once a second
	stream.Await(t, "the lag falls", func() bool { return r.reader.Lag(t) < usual })
}

// away returns the lag at the time InfluxDB was killed.
func (r *run) away(t *testing.T, leaver *testenv.Program) (before int64) {
	t.Helper()
	// The proxy would report a server that is down as its own failure.
	if err := r.proxy.Leave(); err != nil {
		t.Fatal(err)
	}
	stream.Await(t, "the proxy is empty", func() bool { return r.proxy.Stats().Under == 0 })
	if err := r.server.Kill(); err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	time.Sleep(stream.Hold) // batches that were stored before are committed meanwhile
	before = r.reader.Lag(t)
	t.Logf("exit code %d of a process that ended while InfluxDB was down", leaver.Stop(t))
	time.Sleep(time.Until(left.Add(outage)))
	after := r.reader.Lag(t)
	t.Logf("lag %d, and %d after %.1f s without InfluxDB", before, after, time.Since(left).Seconds())
	if after <= before {
		t.Errorf("the lag does not rise: InfluxDB is not down, or no tweets are produced")
	}
	if err := r.server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.proxy.Return(); err != nil {
		t.Fatal(err)
	}
	return before
}
