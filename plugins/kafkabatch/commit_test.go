package kafkabatch

import (
	"sync"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: two commits overtake each other, the older one comes last, and
// what was committed once is committed no more.
func TestWhatIsCommittedIsReadWithTheCommitLock(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3, 3)
	r := connected(t, c, topic, "")
	s := r.in.current()
	r.must().done(t)
	second := r.must()
	s.committer.mu.Lock() // another commit is in flight
	var wait sync.WaitGroup
	wait.Go(s.committer.acknowledged)
	time.Sleep(100 * time.Millisecond) // it waits for the lock, most likely
	second.done(t)
	s.committer.mu.Unlock()
	wait.Wait()
	if at := committedOf(t, c, topic, 0).At; at != 6 {
		t.Errorf("%d is committed, as before the lock, want 6", at)
	}
}

// What would break: a revoke that waits for a commit, of 10 s where a broker does
// not answer, stops the deliveries of all partitions for as long.
func TestDeliveriesGoOnWhileARevokeWaitsForACommit(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	produce(t, c, topic, 0, 3, 3)
	r := connected(t, c, topic, "")
	s := r.in.current()
	first := r.must()
	s.committer.mu.Lock() // a commit is in flight
	var wait sync.WaitGroup
	wait.Go(func() { s.revoke(map[string][]int32{topic: {1}}, true) })
	wait.Go(s.committer.acknowledged)
	time.Sleep(100 * time.Millisecond) // they wait for the lock, most likely
	delivered := make(chan struct{})
	go func() {
		defer close(delivered)
		first.done(t)
		r.must().done(t)
	}()
	select {
	case <-delivered:
	case <-time.After(5 * time.Second):
		t.Error("nothing is delivered while a commit is in flight")
	}
	s.committer.mu.Unlock()
	wait.Wait()
	<-delivered
}
