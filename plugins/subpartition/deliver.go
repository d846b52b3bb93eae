package subpartition

import (
	"context"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/hold"
)

// deliver returns the messages of a batch, and how they are answered. They are copies: a
// processor may change them, and a retry needs them as they came.
func (in *input) deliver(batch []*message) (service.MessageBatch, service.AckFunc) {
	messages := make(service.MessageBatch, len(batch))
	parts := make([]*delivery.Delivery, len(batch)) // nil where the child does not have them
	for i, m := range batch {
		one := m.Value.Copy()
		// A part of its own can be refused without the rest of the child's batch.
		if parts[i] = delivery.Of(one.Context()).Part(); parts[i] != nil {
			one = one.WithContext(parts[i].In(one.Context()))
		}
		if m.Keyed {
			one.MetaSetMut(contract.SubpartitionKey, m.Key)
		}
		one.MetaSetMut(contract.SubpartitionAttempt, m.Deliveries())
		messages[i] = one
	}
	in.metrics.delivered.Incr(int64(len(batch)))
	in.metrics.batches.Incr(1)
	return messages, func(_ context.Context, err error) error {
		in.answer(batch, parts, err)
		return nil
	}
}

// answer takes what became of a batch. An error about single messages of it is one about
// all: the indexes in it are those of the output's messages, which need not be ours.
func (in *input) answer(batch []*message, parts []*delivery.Delivery, err error) {
	refusals := map[*message]error{}
	answered := make([]*message, 0, len(batch))
	for i, m := range batch {
		if parts[i] != nil {
			if refused := parts[i].Settle(); refused != nil {
				refusals[m] = refused
				continue
			}
		}
		answered = append(answered, m)
	}
	now := time.Now()
	in.mu.Lock()
	var exhausted []*message
	var settled []hold.Settlement
	if err == nil {
		settled = in.sched.Acked(answered)
	} else {
		exhausted, settled = in.sched.Nacked(answered, now, err)
	}
	for m, refused := range refusals {
		settled = append(settled, in.sched.Refused(m, now, refused)...)
	}
	in.toBury = append(in.toBury, exhausted...)
	in.mu.Unlock()
	if err != nil {
		in.failed(answered, err, now)
	}
	in.settle(settled)
	if len(exhausted) > 0 {
		signal(in.letters)
	}
	signal(in.wake)
	signal(in.room)
}

// failed counts and logs a batch that the pipeline or the output did not accept.
func (in *input) failed(batch []*message, err error, now time.Time) {
	in.metrics.nacks.Incr(1)
	if len(batch) == 0 || !in.nacks.Due("", now) {
		return
	}
	in.log.Warnf("A batch of %d messages was not accepted: %v. Each is retried alone, and its key waits. The first is %s", len(batch), err, place(batch[0]))
}
