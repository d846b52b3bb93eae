package track

import (
	"sync"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// one is a tracker of one partition, which is fetched from offset 10 on: a commit of
// it says that batches may be delivered.
func one(t *testing.T) (*Tracker, *Claim) {
	t.Helper()
	tr := New(Config{Topics: Topics{"t": {}}, Budget: delivery.NewBudget(1 << 30), Limit: 1 << 30})
	now := time.Now()
	tr.Assign([]Assigned{{ID: zero, Commit: FetchedCommit{Offset: 10, Epoch: -1}}}, now)
	c := claimed(t, tr, Start, AnyBroker)
	c.Begin(Position{Offset: 10, Epoch: -1, Time: -1}, true, true)
	c.Started(now)
	c.SetLeader(1, 0)
	tr.Release([]*Claim{c})
	return tr, claimed(t, tr, Fetch, 1)
}

var zero = ID{"t", 0}

func claimed(t *testing.T, tr *Tracker, step Step, broker int32) *Claim {
	t.Helper()
	due, _ := tr.Due(step, broker, time.Now())
	claims := tr.Claim(due, time.Now())
	if len(claims) != 1 {
		t.Fatalf("%d partitions are due", len(claims))
	}
	return claims[0]
}

// record is a batch of one record.
func record(offset int64) (*Batch, Position) {
	return &Batch{Header: recordbatch.Header{BaseOffset: offset, Records: 1}}, Position{Offset: offset + 1, Epoch: -1, Time: -1}
}

// inTurns runs two functions that wait for the same mutex and get it in turns: one
// that unlocks it between two of its steps is overtaken there by the other. A mutex
// does so once somebody has waited for more than a millisecond and was overtaken.
func inTurns(mu *sync.Mutex, first, second func()) {
	const starving = 3 * time.Millisecond
	var wait sync.WaitGroup
	mu.Lock()
	wait.Go(first)
	time.Sleep(starving)
	wait.Go(second)
	time.Sleep(starving)
	mu.Unlock()
	mu.Lock()
	time.Sleep(starving)
	mu.Unlock()
	wait.Wait()
}

// bothOrders runs a test of inTurns often enough, with each of the two first.
func bothOrders(check func(inTurns func(mu *sync.Mutex, one, other func()))) {
	for range 10 {
		check(inTurns)
		check(func(mu *sync.Mutex, one, other func()) { inTurns(mu, other, one) })
	}
}

// What would break: a batch is queued for a partition that another member has by
// now, between the check that it is not lost and the queue. It is delivered by both,
// and its memory is counted indefinitely.
func TestABatchIsQueuedOrItsPartitionIsLost(t *testing.T) {
	bothOrders(func(inTurns func(mu *sync.Mutex, one, other func())) {
		tr, c := one(t)
		b, end := record(10)
		inTurns(&tr.mu, func() { c.Enqueue(b, end) }, func() { tr.Revoke([]ID{zero}) })
		if b := tr.Next(); b != nil {
			t.Fatal("a batch of a lost partition is delivered")
		}
		if used := tr.conf.Budget.InUse(); used != 0 {
			t.Fatalf("%d bytes are in use by batches of a lost partition", used)
		}
	})
}

// What would break: the commit of a revoked partition says that nothing beyond it
// was delivered, while its next batch is. A member with another configuration then
// counts that batch a second time.
func TestACommitIsCleanOrABatchIsDelivered(t *testing.T) {
	bothOrders(func(inTurns func(mu *sync.Mutex, one, other func())) {
		tr, c := one(t)
		c.Enqueue(record(10))
		var delivered *Batch
		var commits []Commit
		inTurns(&tr.mu, func() { delivered = tr.Next() }, func() { _, commits = tr.Revoke([]ID{zero}) })
		clean := len(commits) == 1 && commits[0].Metadata.Clean
		if clean != (delivered == nil) {
			t.Fatalf("clean is %t, and a batch is delivered: %t", clean, delivered != nil)
		}
		if tr.Next() != nil {
			t.Fatal("a batch of a lost partition is delivered")
		}
		if delivered != nil {
			tr.Ack(delivered)
		}
		if used := tr.conf.Budget.InUse(); used != 0 {
			t.Fatalf("%d bytes are in use", used)
		}
	})
}
