package kafkabatch

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// alone is a session without brokers, with one partition that is fetched from
// offset 10 on: a commit of it says that batches may be delivered.
func alone() (*session, *partition) {
	res := service.MockResources()
	s := &session{
		conf:       &config{emit: contract.RecordBatch, maxBatchBytes: 1 << 20, partitionMaxBytes: 1 << 20, maxInFlightBytes: 1 << 30},
		log:        res.Logger(),
		metrics:    newMetrics(res.Metrics()),
		budget:     delivery.NewBudget(1 << 30),
		attention:  make(chan struct{}, 1),
		ready:      make(chan struct{}, 1),
		ctx:        context.Background(),
		topics:     map[string]*topic{"t": {}},
		partitions: map[topicPartition]*partition{},
		fetchers:   map[int32]*fetcher{},
	}
	p := newPartition(topicPartition{"t", 0}, fetchedCommit{offset: 10})
	p.begin(position{offset: 10, epoch: -1, time: -1})
	p.phase, p.marked, p.unsure = phaseFetch, true, 0
	s.partitions[p.topicPartition] = p
	return s, p
}

// fetched queues the batch of one record at an offset, as a walk does.
func (s *session) fetched(t *testing.T, p *partition, offset int64) {
	h := recordbatch.Header{BaseOffset: offset, ProducerID: -1, Records: 1}
	b, err := recordbatch.AppendBatch(nil, h, recordbatch.Record{Offset: offset})
	if err != nil {
		t.Error(err)
	}
	w := walk{fetcher: &fetcher{session: s, decompressor: recordbatch.NewDecompressor(1 << 20)}, partition: p, transactions: newTransactions(nil), stable: -1}
	_ = w.handOn(h, b, position{offset: offset + 1})
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
// and its memory is counted for ever.
func TestABatchIsQueuedOrItsPartitionIsLost(t *testing.T) {
	bothOrders(func(inTurns func(mu *sync.Mutex, one, other func())) {
		s, p := alone()
		inTurns(&s.mu, func() { s.fetched(t, p, 10) }, func() { s.lose(map[string][]int32{"t": {0}}) })
		if b := s.nextBatch(); b != nil {
			t.Fatal("a batch of a lost partition is delivered")
		}
		if n := len(p.acked.spans); s.budget.InUse() != 0 {
			t.Fatalf("%d bytes are in use by %d batches of a lost partition", s.budget.InUse(), n)
		}
	})
}

// What would break: the commit of a revoked partition says that nothing beyond it
// was delivered, while its next batch is. A member with another configuration then
// counts that batch a second time.
func TestACommitIsCleanOrABatchIsDelivered(t *testing.T) {
	bothOrders(func(inTurns func(mu *sync.Mutex, one, other func())) {
		s, p := alone()
		s.fetched(t, p, 10)
		var delivered *batch
		var commits []pendingCommit
		inTurns(&s.mu, func() { delivered = s.nextBatch() }, func() { commits = s.lose(map[string][]int32{"t": {0}}) })
		clean := len(commits) == 1 && commits[0].mark.clean
		if clean != (delivered == nil) {
			t.Fatalf("clean is %t, and a batch is delivered: %t", clean, delivered != nil)
		}
		if s.nextBatch() != nil {
			t.Fatal("a batch of a lost partition is delivered")
		}
		if delivered != nil {
			s.ack(delivered)
		}
		if s.budget.InUse() != 0 {
			t.Fatalf("%d bytes are in use", s.budget.InUse())
		}
	})
}

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
	s.commitMu.Lock() // another commit is in flight
	var wait sync.WaitGroup
	wait.Go(s.commitAcknowledged)
	time.Sleep(100 * time.Millisecond) // it waits for the lock, most likely
	second.done(t)
	s.commitMu.Unlock()
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
	s.commitMu.Lock() // a commit is in flight
	var wait sync.WaitGroup
	wait.Go(func() { s.revoke(map[string][]int32{topic: {1}}, true) })
	wait.Go(s.commitAcknowledged)
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
	s.commitMu.Unlock()
	wait.Wait()
	<-delivered
}
