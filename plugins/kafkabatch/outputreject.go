package kafkabatch

import (
	"context"
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

const (
	logReason = "reason"

	blockedPeriod   = 10 * time.Second // between attempts without an output for refusals
	firstRejectWait = 100 * time.Millisecond
	lastRejectWait  = 5 * time.Second
)

// dispose returns nil when nothing of the refused messages can be lost any more: they are
// with the output `rejected` or, without one, Kafka has accepted them after all.
func (o *output) dispose(ctx context.Context, w *writing, refusals []kproduce.Refusal) (err error) {
	for len(refusals) > 0 {
		for _, r := range refusals {
			o.metrics.rejected.Incr(1, reasonOf(r.Err))
		}
		w.leave(refusals)
		if o.rejected != nil {
			return o.handOver(ctx, w.rejects(refusals))
		}
		o.log.With(logReason, reasonOf(refusals[0].Err)).Errorf("Kafka refuses %d messages, and the batch waits: %v. Fix the cause there, or set the output `rejected` for such messages. Retrying in %s.", len(refusals), refusals[0].Err, blockedPeriod)
		if err := sleepFor(ctx, blockedPeriod); err != nil {
			return err
		}
		only := make([]int, len(refusals))
		for i, r := range refusals {
			only[i] = r.Message
		}
		if refusals, err = w.write(ctx, only); err != nil {
			return err
		}
	}
	return nil
}

// leave notes what is left of record batches that were refused in part. Written as a whole
// again, they would store the other parts once more each time.
func (w *writing) leave(refusals []kproduce.Refusal) {
	for _, r := range refusals {
		if r.Left == nil {
			continue
		}
		if w.left == nil {
			w.left = map[int][][]byte{}
		}
		w.left[r.Message] = r.Left
	}
}

// rejects returns the messages for the output `rejected`: of a record batch that was
// refused in part, one for each batch that is left.
func (w *writing) rejects(refusals []kproduce.Refusal) (messages service.MessageBatch) {
	for _, r := range refusals {
		m := w.batch[r.Message].Copy()
		m.MetaSetMut(contract.RefusedReason, reasonOf(r.Err))
		m.MetaSetMut(contract.RefusedError, r.Err.Error())
		left := w.left[r.Message]
		if left == nil {
			messages = append(messages, m)
			continue
		}
		m.MetaDelete(contract.KafkaLastOffset)
		for _, batch := range left {
			part := m.Copy()
			part.SetBytes(batch)
			if h, err := recordbatch.ParseHeader(batch); err == nil {
				part.MetaSetMut(contract.KafkaBatchRecords, int(h.Records))
			}
			messages = append(messages, part)
		}
	}
	return messages
}

// handOver writes messages to the output for refused ones, until it has them.
func (o *output) handOver(ctx context.Context, messages service.MessageBatch) error {
	for wait := firstRejectWait; ; wait = min(2*wait, lastRejectWait) {
		err := o.rejected.WriteBatch(ctx, messages)
		if err == nil || ctx.Err() != nil {
			return err
		}
		o.log.Errorf("Writing %d refused messages to the output `rejected`: %v. Retrying in %s.", len(messages), err, wait)
		if err := sleepFor(ctx, wait); err != nil {
			return err
		}
	}
}

func reasonOf(err error) string {
	var u *unusable
	var r *kproduce.RefusedError
	switch {
	case errors.As(err, &u):
		return u.reason
	case errors.As(err, &r):
		return r.Kind
	}
	return "unreadable"
}

func sleepFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
