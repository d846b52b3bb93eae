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

// killHeld kills a process that has written what it knows of no answer to, and
// has read more.
func (r *run) killHeld(t *testing.T, p *testenv.Program) {
	t.Helper()
	seen := r.holdRequests(t, influxfault.HoldAnswer)
	lag := r.reader.Lag(t)
	p.Kill(t)
	r.release()
	if seen.Held == 0 || lag == 0 {
		t.Errorf("killed with %d requests under way and lag %d, want both", seen.Held, lag)
	}
}

// holdAndStop lets a process end in good order that cannot write.
func (r *run) holdAndStop(t *testing.T, p *testenv.Program) {
	t.Helper()
	r.holdRequests(t, influxfault.HoldAnswer)
	code := p.Stop(t)
	r.release()
	t.Logf("exit code %d of a process that could not write", code)
}

// repeats does something, and fails the test unless lines are written again
// because of it, so many at least. The test goes on: the sums say more. The
// stock cut need not write the same lines, so that any will do.
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
			t.Errorf("%d lines were written again, want %d", again()-before, least)
			return
		}
	}
}

// starts are the first offsets.
func (r *run) starts() map[int32]int64 {
	offsets := map[int32]int64{}
	for partition := range r.partitions {
		offsets[partition] = 0
	}
	return offsets
}

// insideBatches gives an offset inside of a RecordBatch of each partition, of one
// that InfluxDB has. Where nobody knows the batches it is the half of what is
// committed.
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

// becomeZombie pauses a process with requests on their way until the other one,
// which it starts, has the partitions and has written the same. Then InfluxDB
// gets the requests, and the process goes on with what it had in memory.
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

// outage kills InfluxDB, lets a process end meanwhile, and starts it again.
func (r *run) outage(t *testing.T, leaver *testenv.Program) {
	t.Helper()
	var before int64
	r.samples.While(func() { before = r.away(t, leaver) })
	usual := max(before, int64(2*r.rate)) // commits come once a second
	stream.Await(t, "the lag falls", func() bool { return r.reader.Lag(t) < usual })
}

// away gives the lag when InfluxDB was killed.
func (r *run) away(t *testing.T, leaver *testenv.Program) (before int64) {
	t.Helper()
	// The proxy would take a server that is away for a mistake.
	if err := r.proxy.Leave(); err != nil {
		t.Fatal(err)
	}
	stream.Await(t, "the proxy is empty", func() bool { return r.proxy.Stats().Under == 0 })
	if err := r.server.Kill(); err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	time.Sleep(stream.Hold) // what was stored before is committed meanwhile
	before = r.reader.Lag(t)
	t.Logf("exit code %d of a process that ended while InfluxDB was away", leaver.Stop(t))
	time.Sleep(time.Until(left.Add(outage)))
	after := r.reader.Lag(t)
	t.Logf("lag %d, and %d after %.1f s without InfluxDB", before, after, time.Since(left).Seconds())
	if after <= before {
		t.Errorf("the lag does not rise: is InfluxDB away, are tweets produced?")
	}
	if err := r.server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.proxy.Return(); err != nil {
		t.Fatal(err)
	}
	return before
}
