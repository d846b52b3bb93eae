// Package perkey decides which messages may be delivered now, so that the messages of a
// key follow each other and those of different keys do not wait for each other. It knows
// neither Benthos nor Kafka, has no lock and no clock: the caller has both.
//
// A key has at most one message in flight. Its next one follows when that one is done: it
// succeeded, or it failed for good and somebody has accepted it as a dead letter. A batch
// has messages of different keys. When it fails nobody knows which of them is at fault, so
// each is delivered again alone, and only a failure of a message that was alone counts as
// one of its attempts.
package perkey

import (
	"container/heap"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/hold"
)

// Config bounds a Scheduler.
type Config struct {
	Limits      hold.Limits
	Concurrency int // messages in flight
	BatchSize   int // messages per batch
	// MaxAttempts is how often a message may fail alone.
	MaxAttempts int
	// Block keeps delivering a message that has failed so often. Otherwise it is
	// exhausted, for the caller to dispose of.
	Block bool
	// MaxPerKey is how many messages a blocked key may hold before there is no room.
	MaxPerKey int
	// MaxAhead is how far a message may be ahead of the first batch of its source that is
	// not settled. 0 is unlimited.
	MaxAhead int64
	// Backoff returns how long a message rests after so many failures in a row, batches
	// that failed included.
	Backoff func(failures int) time.Duration
}

// Message is a message that is held.
type Message[V any] struct {
	hold.Item
	Key   string
	Keyed bool // false: it follows nothing, and nothing follows it
	// Order is the position in its source, such as the offset.
	Order int64
	Value V

	Attempts int // deliveries alone that failed
	// Err is why the last delivery failed. A message that is added with one is exhausted,
	// without a delivery.
	Err error

	failures int // in a row, those of its batches included
	alone    bool
	queue    *queue[V]
}

// Deliveries returns which delivery of the message the present one is, from 1.
func (m *Message[V]) Deliveries() int { return m.failures + 1 }

// Scheduler has the queues of the keys. It is not safe for concurrent use.
type Scheduler[V any] struct {
	conf  Config
	store hold.Store

	queues   map[string]*queue[V]
	ready    fifo[V]
	behind   []*queue[V]
	resting  resting[V]
	blocked  map[*queue[V]]struct{}
	inFlight int
	stopped  bool
	count    Counts
}

// Counts are totals since the start.
type Counts struct {
	Retries   int64 // deliveries of a message after its first
	Overtaken int64 // messages that came after one of their key that follows them in their source
	Dropped   int64 // messages of revoked sources that were not delivered
}

// New returns a Scheduler without messages.
func New[V any](conf Config) *Scheduler[V] {
	return &Scheduler[V]{
		conf:    conf,
		store:   hold.Store{Limits: conf.Limits},
		queues:  map[string]*queue[V]{},
		blocked: map[*queue[V]]struct{}{},
	}
}

// Add queues the messages of a batch, in their order. ack is called, by the settlements,
// when all of them are done. It returns the messages that are exhausted already.
func (s *Scheduler[V]) Add(source *hold.Source, messages []*Message[V], ack func(error)) (exhausted []*Message[V], settled []hold.Settlement) {
	items := make([]*hold.Item, len(messages))
	for i, m := range messages {
		items[i] = &m.Item
	}
	settled, admitted := s.store.Admit(source, items, ack)
	if !admitted {
		return nil, settled
	}
	for _, m := range messages {
		q := s.queueOf(m)
		if q.overtaken(m) {
			s.count.Overtaken++
		}
		q.add(m)
		switch {
		case m.Err != nil: // it is not keyed, and so alone in its queue
			q.state = exhaustedHead
			exhausted = append(exhausted, m)
		case q.state == idle:
			s.makeReady(q)
		case q.state == behind && m.InFirst():
			s.wakeBehind()
		}
	}
	return exhausted, settled
}

func (s *Scheduler[V]) queueOf(m *Message[V]) *queue[V] {
	if !m.Keyed || m.Err != nil {
		return &queue[V]{}
	}
	q := s.queues[m.Key]
	if q == nil {
		q = &queue[V]{key: m.Key, keyed: true}
		s.queues[m.Key] = q
	}
	return q
}

// Next returns the messages to deliver as a batch now. Without any it returns how long it
// is until there may be, or 0 if that depends on other calls.
func (s *Scheduler[V]) Next(now time.Time) (batch []*Message[V], wait time.Duration) {
	if s.stopped {
		return nil, 0
	}
	for len(s.resting) > 0 && !s.resting[0].until.After(now) {
		s.makeReady(heap.Pop(&s.resting).(*queue[V]))
	}
	for len(batch) < s.conf.BatchSize && s.inFlight < s.conf.Concurrency {
		q := s.ready.first()
		if q == nil {
			break
		}
		m := q.head()
		if s.tooFarAhead(q) {
			s.ready.remove()
			q.state = behind
			s.behind = append(s.behind, q)
			continue
		}
		if m.alone && len(batch) > 0 {
			break // it is the first of the next batch
		}
		s.ready.remove()
		s.take(m)
		batch = append(batch, m)
		if m.alone {
			break
		}
	}
	if len(batch) == 0 && len(s.resting) > 0 && s.inFlight < s.conf.Concurrency {
		wait = s.resting[0].until.Sub(now)
	}
	return batch, wait
}

// tooFarAhead reports whether the head of a queue has to wait for the front of its source.
// It need not if the front of any source waits for a message of the queue: two keys that
// are in two partitions would otherwise wait for each other forever.
func (s *Scheduler[V]) tooFarAhead(q *queue[V]) bool {
	if s.conf.MaxAhead == 0 || q.head().Ahead() < s.conf.MaxAhead {
		return false
	}
	for _, m := range q.messages {
		if m.InFirst() {
			return false
		}
	}
	return true
}

// wakeBehind has Next look again at the queues that wait for the front of a source.
func (s *Scheduler[V]) wakeBehind() {
	all := s.behind
	s.behind = nil
	for _, q := range all {
		s.makeReady(q)
	}
}

// moved is called with what a call has settled: the front of a source may have moved.
func (s *Scheduler[V]) moved(settled []hold.Settlement) []hold.Settlement {
	if len(settled) > 0 {
		s.wakeBehind()
	}
	return settled
}

func (s *Scheduler[V]) take(m *Message[V]) {
	s.store.Take(&m.Item)
	m.queue.state = busy
	s.inFlight++
	if m.failures > 0 {
		s.count.Retries++
	}
}

func (s *Scheduler[V]) makeReady(q *queue[V]) {
	if len(q.messages) == 0 {
		s.remove(q)
		return
	}
	q.state = ready
	s.ready.add(q)
}

func (s *Scheduler[V]) remove(q *queue[V]) {
	q.state = idle
	delete(s.blocked, q)
	if q.keyed {
		delete(s.queues, q.key)
	}
}

// Acked says that a batch of Next was accepted.
func (s *Scheduler[V]) Acked(batch []*Message[V]) (settled []hold.Settlement) {
	for _, m := range batch {
		s.inFlight--
		settled = append(settled, s.Done(m)...)
	}
	return settled
}

// Done says that a message is done for good: it was delivered, or it was exhausted and is
// with somebody else now. The next one of its key follows.
func (s *Scheduler[V]) Done(m *Message[V]) []hold.Settlement {
	settled := s.store.Done(&m.Item)
	q := m.queue
	q.removeHead()
	delete(s.blocked, q)
	s.makeReady(q)
	return s.moved(settled)
}

// Nacked says that a batch of Next failed. It returns the messages that are exhausted:
// their keys wait until Done.
func (s *Scheduler[V]) Nacked(batch []*Message[V], now time.Time, err error) (exhausted []*Message[V], settled []hold.Settlement) {
	for _, m := range batch {
		if len(batch) == 1 {
			m.Attempts++
		}
		out, more := s.failed(m, now, err)
		if out {
			exhausted = append(exhausted, m)
		}
		settled = append(settled, more...)
	}
	return exhausted, s.moved(settled)
}

// Refused says that a message of a batch of Next cannot be processed yet. It is delivered
// again after a rest, however often that happens. The others of the batch were accepted,
// or are for Nacked, which then is about them only.
func (s *Scheduler[V]) Refused(m *Message[V], now time.Time, err error) []hold.Settlement {
	_, settled := s.failed(m, now, err)
	return s.moved(settled)
}

// failed puts a message that was in flight where it waits for what is next.
func (s *Scheduler[V]) failed(m *Message[V], now time.Time, err error) (exhausted bool, settled []hold.Settlement) {
	s.inFlight--
	m.Err = err
	m.failures++
	m.alone = true
	q := m.queue
	settled, again := s.store.Return(&m.Item)
	if !again { // it is revoked, or the input stops
		if m.Source().Revoked() {
			s.count.Dropped++
		}
		q.removeHead()
		s.makeReady(q)
		return false, settled
	}
	worn := m.Attempts >= s.conf.MaxAttempts
	if worn && !s.conf.Block {
		q.state = exhaustedHead
		return true, settled
	}
	if worn {
		s.blocked[q] = struct{}{}
	}
	q.state, q.until = rests, now.Add(s.conf.Backoff(m.failures))
	heap.Push(&s.resting, q)
	return false, settled
}

// Stop nacks what is held and not in flight. Nothing is delivered after it, and what is
// in flight is settled by Acked and Nacked.
func (s *Scheduler[V]) Stop() []hold.Settlement {
	s.stopped = true
	return s.store.Stop()
}

// Abandon nacks everything.
func (s *Scheduler[V]) Abandon() []hold.Settlement {
	s.stopped = true
	return s.store.Abandon()
}

// Revoke drops what is queued of a source that another member will deliver. What is in
// flight still keeps its key: a write of it may be on its way.
func (s *Scheduler[V]) Revoke(source *hold.Source) []hold.Settlement {
	settled := s.store.Revoke(source)
	drop := func(q *queue[V]) {
		for _, m := range q.dropOf(source) {
			s.store.Done(&m.Item) // settles nothing: its batch is settled
			s.count.Dropped++
		}
	}
	s.wakeBehind()
	for _, q := range s.queues {
		drop(q)
	}
	for _, all := range [][]*queue[V]{s.ready.all(), s.resting} {
		for _, q := range all {
			if !q.keyed {
				drop(q)
			}
		}
	}
	s.sweep()
	return settled
}

// sweep removes the queues that Revoke has emptied, and wakes those whose head has changed.
func (s *Scheduler[V]) sweep() {
	kept := s.ready.all()
	s.ready = fifo[V]{}
	rest := s.resting
	s.resting = nil
	for _, q := range kept {
		s.makeReady(q)
	}
	for _, q := range rest {
		if len(q.messages) > 0 && q.head().failures > 0 {
			heap.Push(&s.resting, q)
			continue
		}
		delete(s.blocked, q)
		s.makeReady(q)
	}
}
