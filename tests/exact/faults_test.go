package exact_test

import (
	"errors"
	"fmt"
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
	session = 2 * time.Second
	// hold is longer than commit_period of the shipped pipelines: whoever commits
	// what InfluxDB has not answered for does it meanwhile.
	hold     = 1500 * time.Millisecond
	outage   = 4 * time.Second
	patience = time.Minute
)

var errNotYet = errors.New("not yet")

// eventually waits until something has happened.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	testenv.Eventually(t, patience, what, func() error {
		if !happened() {
			return errNotYet
		}
		return nil
	})
}

// holdRequests lets no request through the proxy, until one has waited for so
// long that offsets were committed meanwhile.
func (r *run) holdRequests(t *testing.T, kind influxfault.Kind) influxfault.Stats {
	t.Helper()
	r.proxy.SetFaults(influxfault.Always(influxfault.Fault{Kind: kind}))
	eventually(t, "a request is held", func() bool { return r.proxy.Stats().Held > 0 })
	time.Sleep(hold)
	return r.proxy.Stats()
}

func (r *run) release() {
	r.proxy.SetFaults(nil)
	r.proxy.Release()
}

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

// members waits until the group has so many.
func (r *run) members(t *testing.T, want int) {
	t.Helper()
	admin := kadm.NewClient(r.Kafka.Client(t))
	testenv.Eventually(t, patience, fmt.Sprintf("the group has %d members", want), func() error {
		groups, err := admin.DescribeGroups(t.Context(), r.reader.Group)
		if err != nil {
			return err
		}
		group := groups[r.reader.Group]
		if got := len(group.Members); got != want || group.State != "Stable" && want > 0 {
			return fmt.Errorf("%d, and it is %s", got, group.State)
		}
		return group.Err
	})
}

// reset sets the offsets of the group, which must have lost its members.
func (r *run) reset(t *testing.T, where string, offsets map[int32]int64) {
	t.Helper()
	r.members(t, 0)
	admin := kadm.NewClient(r.Kafka.Client(t))
	var set kadm.Offsets
	for partition, offset := range offsets {
		set.Add(kadm.Offset{Topic: r.Topic, Partition: partition, At: offset, LeaderEpoch: -1})
	}
	answer, err := admin.CommitOffsets(t.Context(), r.reader.Group, set)
	if err == nil {
		err = answer.Error()
	}
	if err != nil {
		t.Fatalf("setting the offsets to %s: %v", where, err)
	}
}

// starts are the first offsets.
func (r *run) starts() map[int32]int64 {
	offsets := map[int32]int64{}
	for partition := range r.producers.partitions {
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
	if !r.exact {
		below, err := r.samples.committed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for partition, offset := range below {
			offsets[partition] = offset / 2
		}
		return offsets
	}
	coverage, err := oracle.ReadCoverage(t.Context(), r.server.Database)
	if err != nil {
		t.Fatal(err)
	}
	for partition := range r.producers.partitions {
		spans := coverage.Of(partition)
		for _, s := range spans[len(spans)/2:] {
			if s.Records > 1 {
				offsets[partition] = s.Base + s.Records/2
				break
			}
		}
	}
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
	r.members(t, 1)
	eventually(t, "the other process has written", func() bool { return r.proxy.Stats().Stored > stored })
	r.repeats(t, 1, r.proxy.Release)
	zombie.Resume(t)
	t.Logf("%d requests of the paused process were applied when others had its partitions", held.Held)
	r.members(t, 2)
	so, err := stream.Counted(t.Context(), zombie)
	if err != nil {
		t.Fatal(err)
	}
	stream.AwaitCounted(t, zombie, so+1)
}

// outage kills InfluxDB, lets a process end meanwhile, and starts it again.
func (r *run) outage(t *testing.T, leaver *testenv.Program) {
	t.Helper()
	r.samples.away.Store(true)
	// The proxy would take a server that is away for a mistake.
	if err := r.proxy.Leave(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the proxy is empty", func() bool { return r.proxy.Stats().Under == 0 })
	if err := r.server.Kill(); err != nil {
		t.Fatal(err)
	}
	left := time.Now()
	time.Sleep(hold) // what was stored before is committed meanwhile
	before := r.reader.Lag(t)
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
	r.samples.away.Store(false)
	usual := max(before, int64(2*r.producers.rate)) // commits come once a second
	eventually(t, "the lag falls", func() bool { return r.reader.Lag(t) < usual })
}
