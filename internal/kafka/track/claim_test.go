package track

import (
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// What would break: two fetchers have the same partition, and its batches are
// delivered twice or out of order.
func TestAPartitionIsClaimedOnce(t *testing.T) {
	tr, c := one(t)
	if due, _ := tr.Due(Fetch, 1, time.Now()); len(due) != 0 {
		t.Fatal("a claimed partition is due")
	}
	tr.Release([]*Claim{c})
	first, _ := tr.Due(Fetch, 1, time.Now())
	second, _ := tr.Due(Fetch, 1, time.Now())
	if n := len(tr.Claim(first, time.Now())); n != 1 {
		t.Fatalf("%d are claimed", n)
	}
	if n := len(tr.Claim(second, time.Now())); n != 0 {
		t.Error("both have claimed it")
	}
}

// What would break: a claim begins where the partition was when it was seen to be due,
// and delivers what was delivered since.
func TestAClaimIsOfThePartitionAsItIs(t *testing.T) {
	tr, c := one(t)
	tr.Release([]*Claim{c})
	seen, _ := tr.Due(Fetch, 1, time.Now())
	other := claimed(t, tr, Fetch, 1)
	other.Enqueue(record(10))
	tr.Release([]*Claim{other})
	claims := tr.Claim(seen, time.Now())
	if len(claims) != 1 || claims[0].At.Offset != 11 {
		t.Errorf("claimed at %d, want 11", claims[0].At.Offset)
	}
}

// What would break: a partition whose leader changed during a fetch is read on from
// the new one, whose log may be another.
func TestANewLeaderIsCheckedAfterTheFetch(t *testing.T) {
	tr, c := one(t)
	b, end := record(10)
	end.Epoch = 5
	c.Enqueue(b, end)
	wake := make(chan struct{}, 1)
	tr.Watch(AnyBroker, wake)
	if !c.SetLeader(2, 6) || len(wake) != 0 {
		t.Fatal("the leader is checked during the fetch")
	}
	if c.SetLeader(1, 5) {
		t.Error("an older leader is accepted")
	}
	tr.Release([]*Claim{c})
	if len(wake) != 1 {
		t.Error("nobody is woken")
	}
	check := claimed(t, tr, Epoch, AnyBroker)
	if check.Leader != 2 || check.LeaderEpoch != 6 || check.At.Epoch != 5 {
		t.Errorf("the check is of %+v", check)
	}
	check.Fetchable()
	if sources := tr.Release([]*Claim{check}); !sources[2] || len(sources) != 1 {
		t.Errorf("it is fetched from %v", sources)
	}
}

// What would break: whoever works on a partition that is revoked or stopped changes it.
func TestAClaimEndsWithItsPartition(t *testing.T) {
	for name, end := range map[string]func(*Tracker, *Claim){
		"revoked": func(tr *Tracker, _ *Claim) { tr.Revoke([]ID{zero}) },
		"stopped": func(_ *Tracker, c *Claim) { c.Stop(errRefused) },
	} {
		tr, c := one(t)
		end(tr, c)
		if c.Current() || c.Enqueue(record(10)) || c.Skip(Position{Offset: 20}) || c.OutOfRange() || c.Fetchable() || c.Pause(time.Now()) != 0 || c.Stop(errRefused) {
			t.Errorf("%s: its claim is good", name)
		}
		if fetched, _ := tr.Queued(); fetched != 0 || tr.conf.Budget.InUse() != 0 || c.Next() != 10 {
			t.Errorf("%s: it has changed", name)
		}
		tr.Release([]*Claim{c})
		if due, _ := tr.Due(Fetch, 1, time.Now()); len(due) != 0 {
			t.Errorf("%s: it is due", name)
		}
	}
}

// What would break: a partition whose leader changed while it was not known what became
// of its offset is read on from the new one, whose log may be another.
func TestANewLeaderIsCheckedAfterTheRange(t *testing.T) {
	tr, c := one(t)
	b, end := record(10)
	end.Epoch = 5
	c.Enqueue(b, end)
	c.OutOfRange()
	tr.Release([]*Claim{c})
	c.SetLeader(2, 6)
	for _, done := range []bool{false, true} {
		c = claimed(t, tr, Range, AnyBroker)
		if done {
			c.Fetchable()
		}
		tr.Release([]*Claim{c})
	}
	claimed(t, tr, Epoch, AnyBroker).Fetchable()
}

// What would break: a replica that is behind makes a commit say that nothing beyond
// it was delivered, while a member before has delivered what the leader has.
func TestACommitOfAReplicaThatIsBehindIsNotClean(t *testing.T) {
	for leader, clean := range map[int64]bool{11: true, 12: false} {
		tr := New(Config{Topics: Topics{"t": {}}, Budget: delivery.NewBudget(1 << 30), Limit: 1 << 30})
		now := time.Now()
		tr.Assign([]Assigned{{ID: zero, Commit: FetchedCommit{Offset: 10, Epoch: -1}}}, now)
		c := claimed(t, tr, Start, AnyBroker)
		c.Begin(Position{Offset: 10, Epoch: -1, Time: -1}, true, false)
		c.Started(now)
		c.SetLeader(1, 0)
		tr.Release([]*Claim{c})

		c = claimed(t, tr, Fetch, 1)
		c.ReadFrom(2, now.Add(time.Minute), leader)
		tr.Release([]*Claim{c})
		c = claimed(t, tr, Fetch, 2)
		c.Responded(11, 11, true)
		c.Enqueue(record(10))
		tr.Ack(tr.Next())
		_, commits := tr.Revoke([]ID{zero})
		if len(commits) != 1 || commits[0].At.Offset != 11 || commits[0].Metadata.Clean != clean {
			t.Errorf("the leader has %d: the commits are %+v, want a clean one: %t", leader, commits, clean)
		}
	}
}

// What would break: a partition whose replica's time is over, while nobody fetches from
// it, is fetched from its leader only a minute later.
func TestALeaderIsDueWhenTheTimeOfAReplicaIsOver(t *testing.T) {
	tr, c := one(t)
	now := time.Now()
	c.ReadFrom(2, now.Add(time.Second), 10)
	tr.Release([]*Claim{c})
	due, wait := tr.Due(Fetch, 1, now)
	if len(due) != 0 || wait != time.Second {
		t.Errorf("%d are due at the leader, others in %s", len(due), wait)
	}
	if due, _ = tr.Due(Fetch, 1, now.Add(wait)); len(due) != 1 {
		t.Errorf("%d are due at the leader then", len(due))
	}
}

// What would break: while a partition has no leader to ask for an epoch, the
// housekeeper takes up its check a hundred times per second.
func TestAnEpochIsNotDueWithoutALeader(t *testing.T) {
	tr, c := one(t)
	b, end := record(10)
	end.Epoch = 5
	c.Enqueue(b, end)
	c.SetLeader(2, 6)
	tr.Release([]*Claim{c})
	c.NoLeader()
	if due, _ := tr.Due(Epoch, AnyBroker, time.Now()); len(due) != 0 {
		t.Error("it is due")
	}
	wake := make(chan struct{}, 1)
	tr.Watch(AnyBroker, wake)
	c.SetLeader(2, 6)
	if due, _ := tr.Due(Epoch, AnyBroker, time.Now()); len(due) != 1 || len(wake) != 1 {
		t.Errorf("%d are due, %d woken", len(due), len(wake))
	}
}
