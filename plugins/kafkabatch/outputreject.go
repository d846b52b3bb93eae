package kafkabatch

import (
	"context"
	"errors"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

const (
	logReason = "reason"

	blockedPeriod   = 10 * time.Second // between attempts without an output for rejected messages
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
			return o.deliver(ctx, w.rejects(refusals))
		}
		o.log.With(logReason, reasonOf(refusals[0].Err)).Errorf("Kafka refuses %d messages, and the batch waits: %v. Fix the cause there, or set the output `rejected` for such messages. Retrying in %s.", len(refusals), refusals[0].Err, blockedPeriod)
		if !sleep(ctx, blockedPeriod) {
			return context.Cause(ctx)
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

var letterKeys = letter.Keys{
	Cut: contract.RefusedCut, CutFrom: contract.RefusedCutFrom,
	Others: []string{contract.RefusedReason, contract.RefusedError, contract.RefusedTopic, contract.RefusedPartition},
}

// reject is a message for the output `rejected`.
type reject struct {
	origin  *service.Message
	content []byte // nil: that of the message
	about   []letter.Pair
}

// rejects returns the messages for the output `rejected`: of a record batch that was
// refused in part, one for each batch that is left.
func (w *writing) rejects(refusals []kproduce.Refusal) (all []reject) {
	for _, r := range refusals {
		one := reject{origin: w.batch[r.Message], about: about(r.Err)}
		left := w.left[r.Message]
		if left == nil {
			all = append(all, one)
		}
		for _, batch := range left {
			one.origin, one.content = w.batch[r.Message].Copy(), batch
			one.origin.MetaDelete(contract.KafkaLastOffset)
			if h, err := recordbatch.ParseHeader(batch); err == nil {
				one.origin.MetaSetMut(contract.KafkaBatchRecords, int(h.Records))
			}
			all = append(all, one)
		}
	}
	return all
}

func (r reject) letter(limit int) *service.Message {
	return letterKeys.Make(r.origin, r.content, r.about, limit)
}

// deliver writes rejected messages to the output for them, until it has accepted all.
func (o *output) deliver(ctx context.Context, rejects []reject) error {
	wait := firstRejectWait
	return letter.Delivery{
		Output: o.rejected,
		Limit:  o.conf.letterBytes,
		Make:   func(i, limit int) *service.Message { return rejects[i].letter(limit) },
		Failed: func(ctx context.Context, letters, _ int, err error) error {
			o.log.Errorf("Writing %d rejected messages to the output `rejected`: %s; retrying in %s", letters, letter.Clean(err.Error(), nil), wait)
			if !sleep(ctx, wait) {
				return context.Cause(ctx)
			}
			wait = min(2*wait, lastRejectWait)
			return nil
		},
	}.Deliver(ctx, len(rejects))
}

// about returns the metadata of a refusal.
func about(err error) []letter.Pair {
	reason, to := refusalOf(err)
	pairs := []letter.Pair{{Key: contract.RefusedReason, Value: reason}, {Key: contract.RefusedError, Value: letter.Clean(err.Error(), nil)}}
	if to.topic != "" {
		pairs = append(pairs, letter.Pair{Key: contract.RefusedTopic, Value: letter.Cut(to.topic, letter.MaxText)})
	}
	if to.partition >= 0 {
		pairs = append(pairs, letter.Pair{Key: contract.RefusedPartition, Value: int(to.partition)})
	}
	return pairs
}

func reasonOf(err error) string {
	reason, _ := refusalOf(err)
	return reason
}

func refusalOf(err error) (reason string, to place) {
	if u, ok := errors.AsType[*unusable](err); ok {
		return u.reason, u.place
	}
	if r, ok := errors.AsType[*kproduce.RefusedError](err); ok {
		return r.Kind, place{r.Topic, r.Partition}
	}
	return "unreadable", place{partition: -1}
}
