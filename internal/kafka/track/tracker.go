// Package track follows the record batches of partitions from the fetch to the
// acknowledgement. It says what to fetch next, what to deliver next, and up to where
// offsets may be committed.
//
// A Tracker has one mutex, which guards everything in it: the partitions, the two
// queues of batches, what is acknowledged, and what commits say. These change
// together: a batch that is dequeued while its partition is revoked is either
// counted as delivered in the revoke's commit, or dropped. While it holds the mutex
// the Tracker calls only the Budget, which calls nobody. It knows neither brokers nor
// the group.
package track

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// Config is what a Tracker must know.
type Config struct {
	Topics      Topics // the Tracker keeps and changes them
	Fingerprint string // of the configuration, for the metadata of commits
	// Budget is charged with each batch from Enqueue until it is acknowledged or
	// dropped. Limit is its size.
	Budget *delivery.Budget
	Limit  int64
	// PartitionMaxBytes is how much to request of a partition, unless a single batch
	// is larger.
	PartitionMaxBytes int32
}

// Tracker has the partitions of this member. It is safe for concurrent use.
type Tracker struct {
	conf  Config
	ready chan struct{}

	mu         sync.Mutex
	partitions map[ID]*Partition
	fetched    []*Batch // in the order of their fetches
	again      []*Batch // to be redelivered
	watchers   map[int32]chan<- struct{}
	turns      int64
	closed     bool
}

// New returns a Tracker without partitions.
func New(conf Config) *Tracker {
	return &Tracker{
		conf:       conf,
		ready:      make(chan struct{}, 1),
		partitions: map[ID]*Partition{},
		watchers:   map[int32]chan<- struct{}{},
	}
}

// Ready is signalled when Next may have a batch, or AllStopped may say something else.
// One receiver is woken.
func (t *Tracker) Ready() <-chan struct{} { return t.ready }

// Watch has wake signalled when a partition may be due: for fetching at that
// broker or, with AnyBroker, for a step other than Fetch. wake needs room for one.
func (t *Tracker) Watch(broker int32, wake chan<- struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watchers[broker] = wake
}

// notify wakes whoever does the next step of p. It must be called with mu held.
func (t *Tracker) notify(p *Partition) {
	broker := AnyBroker
	switch p.step {
	case Fetch:
		broker = p.source(time.Now()) // without a leader AnyBroker: the next step is to find one
	case Stopped:
		return
	}
	if wake := t.watchers[broker]; wake != nil {
		Signal(wake)
	}
}

// Signal wakes whoever waits on c, or will.
func Signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// Assigned is a partition that the group gives to this member.
type Assigned struct {
	ID
	Commit FetchedCommit
}

// FetchedCommit is what the group had committed when the partition came.
type FetchedCommit struct {
	Offset   int64 // -1 for none
	Epoch    int32
	Metadata string
}

// Assign adds partitions of known topics. Those that it has already are left alone.
func (t *Tracker) Assign(assigned []Assigned, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var added []*Partition
	for _, a := range assigned {
		topic := t.conf.Topics[a.Topic]
		if topic == nil || t.partitions[a.ID] != nil {
			continue
		}
		p := t.newPartition(a.ID, topic.ID, a.Commit)
		p.came = now
		t.partitions[a.ID] = p
		added = append(added, p)
		topic.Note(a.Commit.Offset, a.Commit.Metadata)
	}
	for _, p := range added {
		p.fresh = !t.conf.Topics[p.Topic].committed
		t.notify(p)
	}
	Signal(t.ready)
}

// Revoke ends this member's part in partitions. It returns those that it had, and
// what to commit of them.
//
// It is one step: a batch that is dequeued, or queued, between the look at what was
// delivered and the end would be missing from a commit that says that nothing was.
func (t *Tracker) Revoke(taken []ID) (lost []ID, commits []Commit) {
	t.mu.Lock()
	defer t.mu.Unlock()
	gone := map[*Partition]bool{}
	for _, id := range taken {
		p := t.partitions[id]
		if p == nil {
			continue
		}
		gone[p] = true
		delete(t.partitions, id)
		p.lose()
		lost = append(lost, id)
		if c := t.commit(p, p.clean()); p.announced && (c.At.Offset != p.committed || c.Metadata.Clean) {
			commits = append(commits, c)
		}
	}
	t.drop(gone)
	Signal(t.ready)
	return lost, commits
}

// Partitions returns the partitions in a fixed order.
func (t *Tracker) Partitions() []*Partition {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.held()
}

// held returns the partitions in a fixed order. It must be called with mu held.
func (t *Tracker) held() []*Partition {
	return slices.SortedFunc(maps.Values(t.partitions), func(a, b *Partition) int { return a.compare(b.ID) })
}

// ByLeader returns the partitions that have a leader, those of a topic one after the
// other.
func (t *Tracker) ByLeader() map[int32][]*Partition {
	t.mu.Lock()
	defer t.mu.Unlock()
	byLeader := map[int32][]*Partition{}
	for _, p := range t.held() {
		if p.leader >= 0 {
			byLeader[p.leader] = append(byLeader[p.leader], p)
		}
	}
	return byLeader
}

// Close drops what is queued. Later nacks are dropped as well.
func (t *Tracker) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	for _, b := range append(t.fetched, t.again...) {
		t.release(b)
	}
	t.fetched, t.again = nil, nil
}

// ID names a partition.
type ID struct {
	Topic     string
	Partition int32
}

func (id ID) compare(other ID) int {
	return cmp.Or(cmp.Compare(id.Topic, other.Topic), cmp.Compare(id.Partition, other.Partition))
}
