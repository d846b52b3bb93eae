package produce

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Topic is a topic that exists.
type Topic struct {
	producer   *Producer
	name       string
	id         atomic.Pointer[[16]byte]
	partitions atomic.Pointer[[]*partition] // as many as it has now
	sticky     atomic.Uint32
	gone       atomic.Pointer[error] // records can never be sent

	// Producer.mu guards the rest.
	all          []*partition  // with those that a topic recreated with fewer has lost
	changed      chan struct{} // closed when something has become known
	calls        int
	used         time.Time
	unknownSince time.Time
	err          error // why it is not known yet
}

// Name returns the name of the topic.
func (t *Topic) Name() string { return t.name }

// ID returns the id of the topic, or zeros where brokers have none (before Kafka 2.8).
func (t *Topic) ID() [16]byte {
	if id := t.id.Load(); id != nil {
		return *id
	}
	return [16]byte{}
}

// Partitions returns the number of partitions that the topic has now.
func (t *Topic) Partitions() int {
	if all := t.partitions.Load(); all != nil {
		return len(*all)
	}
	return 0
}

func (t *Topic) partition(index int32) *partition {
	if all := t.partitions.Load(); all != nil && index >= 0 && int(index) < len(*all) {
		return (*all)[index]
	}
	return nil
}

// Sticky returns a partition for records that may go to any. It stays the same until its
// open batch is sealed, so that small calls share batches.
func (t *Topic) Sticky() int32 {
	at := t.sticky.Load()
	index := at % uint32(t.Partitions())
	if p := t.partition(int32(index)); p.leader.Load() >= 0 && !p.waits.Load() {
		return int32(index)
	}
	return t.next(at)
}

// Next moves Sticky on and returns the partition: for a call of so many records that it
// needs no others to fill a batch.
func (t *Topic) Next() int32 { return t.next(t.sticky.Load()) }

// next moves from at to the next partition that can send now, if there is one.
func (t *Topic) next(at uint32) int32 {
	count := uint32(t.Partitions())
	to := at + 1
	for range count {
		if p := t.partition(int32(to % count)); p.leader.Load() >= 0 && !p.waits.Load() {
			break
		}
		to++
	}
	t.sticky.CompareAndSwap(at, to)
	return int32(to % count)
}

// leave moves Sticky on from a partition.
func (t *Topic) leave(index int32) {
	if at := t.sticky.Load(); t.Partitions() > 0 && at%uint32(t.Partitions()) == uint32(index) {
		t.next(at)
	}
}

// noPartition refuses records for a partition that is not there. It may be added one day.
func (t *Topic) noPartition(index int32) error {
	t.producer.refresh()
	return &RefusedError{Kind: "NO_PARTITION", Topic: t.name, Partition: index, text: fmt.Sprintf("partition %d of the topic %s does not exist: it has %d", index, t.name, t.Partitions())}
}

func (t *Topic) tooLarge(index int32, size int) error {
	return &RefusedError{Kind: kerr.MessageTooLarge.Message, Topic: t.name, Partition: index, text: fmt.Sprintf("sending %d bytes to partition %d of the topic %s: a request has at most %d", size, index, t.name, requestLimit)}
}

// topic waits until a topic is known, and counts a call of it.
func (p *Producer) topic(ctx context.Context, name string) (*Topic, error) {
	if !validName(name) {
		return nil, &RefusedError{Kind: kerr.InvalidTopicException.Message, Topic: name, Partition: -1, text: fmt.Sprintf("%q cannot be the name of a topic: 1 to 249 letters, digits, '.', '_' and '-' are possible", name)}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topics[name]
	if t == nil {
		t = &Topic{producer: p, name: name, changed: make(chan struct{})}
		p.topics[name] = t
	}
	t.calls++ // it is not forgotten while it is waited for
	for {
		if t.Partitions() > 0 {
			return t, nil
		}
		err := t.err
		if gone := t.gone.Load(); gone != nil {
			t.calls--
			p.refresh() // it may be created one day
			return nil, *gone
		}
		changed := t.changed
		p.mu.Unlock()
		p.refresh()
		select {
		case <-changed:
			p.mu.Lock()
			continue
		case <-ctx.Done():
			if err == nil {
				err = context.Cause(ctx)
			}
		case <-p.ctx.Done():
			err = ErrClosed
		}
		p.mu.Lock()
		t.calls--
		return nil, fmt.Errorf("looking up the topic %s: %w", name, err)
	}
}

func validName(name string) bool {
	for _, c := range []byte(name) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return len(name) >= 1 && len(name) <= 249 && name != "." && name != ".."
}
