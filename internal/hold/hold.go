// Package hold keeps the messages of an input's batches in memory until each is done, and
// decides when a batch is acknowledged. It is for inputs around a child input: what
// becomes of a message meanwhile, and in which order messages are delivered, is a policy
// on top of it. It knows neither Benthos nor Kafka.
//
// A batch is acknowledged when its last message is done, and never nacked while the store
// runs: a nack makes the child deliver the batch again, behind later messages that were
// delivered meanwhile. Only Stop and Revoke nack.
package hold

import "errors"

// The reasons of nacks.
var (
	ErrStopped = errors.New("the input stops while it holds messages of the batch, which will be delivered again")
	ErrRevoked = errors.New("the partition belongs to another member, which will deliver the batch again")
)

// Limits bound what is held. One batch may exceed them: its size is not known before it
// is read.
type Limits struct {
	Messages int
	Bytes    int64
}

// Store has the messages. Its zero value has no room. It is not safe for concurrent use.
type Store struct {
	Limits Limits

	messages int
	bytes    int64
	open     map[*batch]struct{} // not settled
	stopped  bool
}

// Item is a message that is held. Its owner sets Bytes before Admit.
type Item struct {
	Bytes int64

	batch  *batch
	number int64 // in its source
	state  state
}

type state int

const (
	waiting state = iota // for its delivery
	out                  // delivered, and not answered
	done
)

type batch struct {
	source  *Source
	first   int64 // number of its first message
	left    int   // messages that are not done
	waiting int   // messages that nobody has been given
	ack     func(error)
	settled bool
}

// Settlement is the acknowledgement of a batch, or its nack. It is for the owner to carry
// out, without holding the lock that guards the store: acknowledgements call the child.
type Settlement struct {
	ack func(error)
	err error
}

// Settle calls the acknowledgement. The child receives each exactly once.
func (s Settlement) Settle() { s.ack(s.err) }

// Messages returns the number of messages that are held: all that are not done.
func (s *Store) Messages() int { return s.messages }

// Size returns the bytes that are held.
func (s *Store) Size() int64 { return s.bytes }

// Open returns the number of batches that are not settled.
func (s *Store) Open() int { return len(s.open) }

// Room reports whether another batch may be read.
func (s *Store) Room() bool {
	return !s.stopped && s.messages < s.Limits.Messages && s.bytes < s.Limits.Bytes
}

// Admit takes a batch of a source. Every item of it becomes done, or the batch is nacked.
// A batch without messages, or one that comes after Stop or Revoke, is settled at once.
func (s *Store) Admit(source *Source, items []*Item, ack func(error)) (settled []Settlement, admitted bool) {
	switch {
	case s.stopped:
		return []Settlement{{ack, ErrStopped}}, false
	case source.revoked:
		return []Settlement{{ack, ErrRevoked}}, false
	case len(items) == 0:
		return []Settlement{{ack, nil}}, false
	}
	if s.open == nil {
		s.open = map[*batch]struct{}{}
	}
	b := &batch{source: source, first: source.next, left: len(items), waiting: len(items), ack: ack}
	for _, it := range items {
		it.batch, it.number = b, source.next
		source.next++
		s.messages++
		s.bytes += it.Bytes
	}
	source.batches = append(source.batches, b)
	s.open[b] = struct{}{}
	return nil, true
}

// Take marks a waiting item as delivered.
func (s *Store) Take(it *Item) {
	if it.state == waiting {
		it.state = out
		it.batch.waiting--
	}
}

// Return marks a delivered item as waiting, to be delivered again. It reports whether it
// may be: otherwise its batch is settled, or about to be, and the item is done.
func (s *Store) Return(it *Item) (settled []Settlement, again bool) {
	if it.state != out {
		return nil, false
	}
	if s.stopped || it.batch.settled {
		settled = s.settle(it.batch, ErrStopped)
		s.finish(it)
		return settled, false
	}
	it.state = waiting
	it.batch.waiting++
	return nil, true
}

// Done marks an item as done for good. The last one of its batch acknowledges it.
func (s *Store) Done(it *Item) []Settlement {
	if it.state == done {
		return nil
	}
	s.finish(it)
	if it.batch.left > 0 {
		return nil
	}
	return s.settle(it.batch, nil)
}

// Stop nacks the batches that have messages which nobody has been given, and admits
// nothing more. Batches that are entirely delivered wait for their answers: nacking them
// would deliver again what is about to succeed.
func (s *Store) Stop() (settled []Settlement) {
	s.stopped = true
	for b := range s.open {
		if b.waiting > 0 {
			settled = append(settled, s.settle(b, ErrStopped)...)
		}
	}
	return settled
}

// Abandon is Stop, and nacks all others too: nobody waits for their answers.
func (s *Store) Abandon() (settled []Settlement) {
	s.stopped = true
	for b := range s.open {
		settled = append(settled, s.settle(b, ErrStopped)...)
	}
	return settled
}

// finish ends what an item is charged.
func (s *Store) finish(it *Item) {
	if it.state == waiting {
		it.batch.waiting--
	}
	it.state = done
	it.batch.left--
	s.messages--
	s.bytes -= it.Bytes
}

// settle decides a batch, once.
func (s *Store) settle(b *batch, err error) []Settlement {
	if b.settled {
		return nil
	}
	b.settled = true
	delete(s.open, b)
	b.source.advance()
	return []Settlement{{b.ack, err}}
}
