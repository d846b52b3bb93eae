package perkey

import (
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/hold"
)

// place is where a queue is. It is in one place only, or its key would have two messages
// in flight.
type place int

const (
	idle          place = iota // in none: it was made now, or is removed
	ready                      // among the ready ones
	busy                       // its head is in flight
	rests                      // its head waits for its next attempt
	behind                     // its head waits for the front of its source
	exhaustedHead              // its head waits for Done
)

// queue has the messages of a key.
type queue[V any] struct {
	key      string
	keyed    bool
	state    place
	messages []*Message[V] // the first is the head
	until    time.Time     // with rests
}

func (q *queue[V]) head() *Message[V] { return q.messages[0] }

// add inserts a message before those of its source that follow it: a reader that flushes
// on two goroutines can deliver two batches in the wrong order.
func (q *queue[V]) add(m *Message[V]) {
	m.queue = q
	at := len(q.messages)
	for at > q.fixed() && q.messages[at-1].follows(m) {
		at--
	}
	q.messages = slices.Insert(q.messages, at, m)
}

// fixed is the number of messages in front that keep their place: 1 if the head has been
// delivered.
func (q *queue[V]) fixed() int {
	if len(q.messages) > 0 && (q.state == busy || q.head().failures > 0) {
		return 1
	}
	return 0
}

// overtaken reports whether the head follows m, and has been delivered already.
func (q *queue[V]) overtaken(m *Message[V]) bool { return q.fixed() > 0 && q.head().follows(m) }

func (m *Message[V]) follows(before *Message[V]) bool {
	return m.Source() == before.Source() && m.Order > before.Order
}

func (q *queue[V]) removeHead() {
	q.messages[0] = nil
	q.messages = q.messages[1:]
}

// dropOf removes the messages of a source. A head that is not only waiting stays.
func (q *queue[V]) dropOf(source *hold.Source) (dropped []*Message[V]) {
	q.messages = slices.DeleteFunc(q.messages, func(m *Message[V]) bool {
		if m.Source() != source || !m.Waiting() || q.state == exhaustedHead && m == q.head() {
			return false
		}
		dropped = append(dropped, m)
		return true
	})
	return dropped
}

// resting is a heap of queues by the time of the next attempt.
type resting[V any] []*queue[V]

func (r resting[V]) Len() int           { return len(r) }
func (r resting[V]) Less(i, j int) bool { return r[i].until.Before(r[j].until) }
func (r resting[V]) Swap(i, j int)      { r[i], r[j] = r[j], r[i] }

func (r *resting[V]) Push(q any) { *r = append(*r, q.(*queue[V])) }

func (r *resting[V]) Pop() any {
	last := len(*r) - 1
	q := (*r)[last]
	(*r)[last] = nil
	*r = (*r)[:last]
	return q
}

// fifo is a queue of queues.
type fifo[V any] struct {
	queues []*queue[V]
	from   int
}

func (f *fifo[V]) add(q *queue[V]) { f.queues = append(f.queues, q) }

func (f *fifo[V]) first() *queue[V] {
	if f.from == len(f.queues) {
		return nil
	}
	return f.queues[f.from]
}

// remove removes the first one. The room in front is used again once it is half of all.
func (f *fifo[V]) remove() {
	f.queues[f.from] = nil
	f.from++
	if f.from*2 >= len(f.queues) {
		n := copy(f.queues, f.queues[f.from:])
		clear(f.queues[n:])
		f.queues, f.from = f.queues[:n], 0
	}
}

func (f *fifo[V]) all() []*queue[V] { return f.queues[f.from:] }
