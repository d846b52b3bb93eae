package influxdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// reject delivers rejected points, and returns nil once none of them can be lost.
func (o *output) reject(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
	for _, r := range refusals {
		o.metrics.rejected.Incr(1, r.class)
	}
	switch {
	case o.rejected != nil:
		return o.deliverRejected(ctx, batch, refusals)
	case o.conf.onReject == onRejectNack:
		return nack(batch, refusals)
	default:
		if err := o.block(ctx, batch, refusals); err != nil {
			return err
		}
		o.metrics.stored(batch, messagesOf(refusals), nil)
		return nil
	}
}

// deliverRejected writes rejected points to the output `rejected`, and retries until it
// has accepted all of them. A message that is too large for it is truncated.
func (o *output) deliverRejected(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
	limit := o.conf.letterBytes
	letters := func() service.MessageBatch {
		messages := make(service.MessageBatch, len(refusals))
		for i, r := range refusals {
			messages[i] = r.letter(batch[r.message], limit)
		}
		return messages
	}
	messages := letters()
	pause := newPause(o.conf)
	for {
		index := messages.Index()
		err := o.rejected.WriteBatch(ctx, messages)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var partial *service.BatchError
		if errors.As(err, &partial) && partial.IndexedErrors() > 0 {
			left := failed(messages, index, partial)
			refusals, messages = pick(refusals, left), pick(messages, left)
		}
		switch {
		case tooLarge(err) && len(messages) > 1:
			// One of them is too large, and must not affect the others.
			for _, r := range refusals {
				if err := o.deliverRejected(ctx, batch, []refusal{r}); err != nil {
					return err
				}
			}
			return nil
		case tooLarge(err) && limit > minLetterBytes:
			limit = max(limit/2, minLetterBytes)
			messages = letters()
			continue
		}
		wait := pause.next(decision{verdict: verdictRetry})
		o.logOf(batch, refusals[0]).Errorf("Writing %d rejected points to the output `rejected`: %s; retrying in %s", len(messages), clean(err.Error(), o.client.hide), wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// failed returns the indexes of the messages that an output did not accept, or all
// indexes if the error does not identify them.
func failed(messages service.MessageBatch, index *service.Indexer, partial *service.BatchError) []int {
	var left, all []int
	for i := range messages {
		all = append(all, i)
	}
	known := true
	partial.WalkMessagesIndexedBy(index, func(i int, _ *service.Message, err error) bool {
		if i < 0 || i >= len(messages) {
			known = false
		} else if err != nil {
			left = append(left, i)
		}
		return known
	})
	if !known || len(left) == 0 {
		return all
	}
	return left
}

// pick returns the elements of a slice at the given indexes.
func pick[S ~[]E, E any](from S, indexes []int) S {
	to := make(S, 0, len(indexes))
	for _, i := range indexes {
		to = append(to, from[i])
	}
	return to
}

// nack returns an error that names the messages with rejected points.
func nack(batch service.MessageBatch, refusals []refusal) error {
	err := service.NewBatchError(batch, fmt.Errorf("InfluxDB rejects %s: %s", pointsOf(len(refusals)), brief(refusals[0].reason)))
	named := make(map[int]bool, len(refusals))
	for _, r := range refusals {
		if !named[r.message] {
			named[r.message] = true
			err.Failed(r.message, errors.New(r.reason))
		}
	}
	return err
}

// brief returns the beginning of a reason, for the log: a reason may quote a whole point.
func brief(reason string) string {
	const most = 160
	if len(reason) <= most {
		return reason
	}
	return strings.ToValidUTF8(reason[:most], "") + "…"
}

// logOf returns a logger with the destination of a rejected point and, if known, the
// position of its message in Kafka.
func (o *output) logOf(batch service.MessageBatch, r refusal) *service.Logger {
	return o.log.With(append([]any{logBucket, short(r.bucket), logStatus, r.status, logReason, r.class}, placeOf(batch[r.message])...)...)
}

// block holds a batch with rejected points, and thus the stream, until InfluxDB accepts
// them or the output is closed: without an output for them, only the input keeps them.
func (o *output) block(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
	for {
		o.logOf(batch, refusals[0]).Errorf("InfluxDB rejects %s: %s. The stream waits: fix it there, or set the output `rejected` for such points; retrying in %s",
			pointsOf(len(refusals)), brief(refusals[0].reason), notePeriod)
		if err := sleep(ctx, notePeriod); err != nil {
			return err
		}
		again := newCall()
		var unsent []refusal
		for _, r := range refusals {
			if r.status == 0 {
				unsent = append(unsent, r) // rejected before it was sent, which no server can change
				continue
			}
			again.lines.bucket = r.bucket
			again.lines.buf = append(again.lines.buf, r.text...)
			again.lines.add(r.message)
		}
		again.batch, again.turn = batch, o.committer.turn()
		again.intoLanes(o.conf.lanes())
		if err := o.write(ctx, again); err != nil {
			return err
		}
		if refusals = append(unsent, again.refusals...); len(refusals) == 0 {
			return nil
		}
	}
}
