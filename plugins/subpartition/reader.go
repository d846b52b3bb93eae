package subpartition

import (
	"context"
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/hold"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

const (
	// readPause is how long the reader waits after an error of the child, which connects
	// again by itself.
	readPause = 100 * time.Millisecond
	// noKeyPeriod is how often the log repeats that reading waits for a message without
	// a key.
	noKeyPeriod = 10 * time.Second
)

// read moves batches of the child into the scheduler while there is room.
func (in *input) read() {
	for in.awaitRoom() {
		in.begun.Store(true)
		batch, ack, err := in.child.ReadBatch(in.ctx)
		switch {
		case err == nil:
			in.admit(batch, ack)
		case in.ctx.Err() != nil:
			return
		case errors.Is(err, service.ErrEndOfInput):
			close(in.ended)
			return
		default:
			if in.childReads.Due(err.Error(), time.Now()) {
				in.log.Errorf("Reading the child input: %v; retrying", err)
			}
			in.sleep(readPause)
		}
	}
}

// admit takes a batch of the child.
func (in *input) admit(batch service.MessageBatch, ack service.AckFunc) {
	answer := func(err error) {
		// Not with in.ctx: an answer that the child misses keeps it from closing.
		if err := ack(context.Background(), err); err != nil && in.childAcks.Due(err.Error(), time.Now()) {
			in.log.Errorf("Acknowledging a batch of the child input: %v. It will be replayed after a restart", err)
		}
	}
	from, whole := sourceOf(batch)
	messages := make([]*message, len(batch))
	for i, m := range batch {
		one := &message{Value: m}
		one.Bytes = price(m)
		if whole {
			one.Order = offsetOf(m)
		}
		one.Key, one.Keyed, one.Err = in.conf.key.of(m)
		one.Bytes += int64(len(one.Key))
		messages[i] = one
		if one.Err != nil && in.dead == nil {
			in.waitForKey(one)
			answer(hold.ErrStopped)
			return
		}
	}

	in.mu.Lock()
	s := in.source(from)
	if s == nil {
		in.mu.Unlock()
		answer(hold.ErrRevoked)
		return
	}
	exhausted, settled := in.sched.Add(&s.Source, messages, answer)
	in.toBury = append(in.toBury, exhausted...)
	behind, unordered := s.next, false
	if len(messages) > 0 && whole {
		unordered = messages[0].Order < s.next
		s.next = max(s.next, messages[len(messages)-1].Order+1)
	}
	in.mu.Unlock()

	if unordered {
		in.metrics.unordered.Incr(1)
		if in.unordered.Due("", time.Now()) {
			in.log.Warnf("A batch of %s begins at offset %d, after offset %d was read: it is read again, as after a rebalance, or the child input delivered two batches in the wrong order. Waiting messages are put in order; those that were delivered cannot be", from.Name(), messages[0].Order, behind-1)
		}
	}
	in.settle(settled)
	if len(exhausted) > 0 {
		signal(in.letters)
	}
	signal(in.wake)
}

// waitForKey waits until the end: nothing may be read beyond a message whose key is not
// known, and nobody accepts it.
func (in *input) waitForKey(m *message) {
	for {
		in.log.Errorf("Reading has stopped at %s: %s. Correct the mapping, or set %s", place(m), letter.Clean(m.Err.Error(), nil), fieldDeadLetters)
		if !in.sleep(noKeyPeriod) {
			return
		}
	}
}

// sleep reports whether the input is still open after d.
func (in *input) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-in.ctx.Done():
		return false
	}
}

// messageBytes is about what a message of a Kafka input takes besides its content: the
// message, its metadata, its place in a queue and its part of the child's batch.
const messageBytes = 900

// price returns the bytes that a message takes.
func price(m *service.Message) int64 {
	content, _ := m.AsBytes() // without bytes there are none to count
	n := int64(messageBytes + len(content))
	_ = m.MetaWalkMut(func(name string, value any) error { // the function has no error
		if contract.IsPosition(name) {
			return nil
		}
		switch v := value.(type) {
		case string:
			n += int64(len(name) + len(v))
		case []byte:
			n += int64(len(name) + len(v))
		}
		return nil
	})
	return n
}

// revokedOf returns the channel that is closed when the child loses a message.
func revokedOf(m *service.Message) <-chan struct{} {
	if d := delivery.Of(m.Context()); d != nil {
		return d.Revoked
	}
	return nil
}
