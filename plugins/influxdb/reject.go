package influxdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// reject disposes of what InfluxDB will not have, and returns nil when nothing
// of it can be lost any more.
func (o *output) reject(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
	for _, r := range refusals {
		o.metrics.rejected.Incr(1, r.class)
	}
	switch {
	case o.rejected != nil:
		return o.handOver(ctx, batch, refusals)
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

// handOver writes the refused points to the output for them, and tries until it
// has them all. One that is too large for it becomes smaller.
func (o *output) handOver(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
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
			// One of them is, and must not take the others along.
			for _, r := range refusals {
				if err := o.handOver(ctx, batch, []refusal{r}); err != nil {
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
		o.logOf(batch, refusals[0]).Errorf("Writing %d refused points to the output `rejected`: %s; trying again in %s", len(messages), clean(err.Error(), o.client.hide), wait)
		if err := sleep(ctx, wait); err != nil {
			return err
		}
	}
}

// failed is the places of the messages that an output did not take, all if it
// cannot be told.
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

// pick is some of a slice.
func pick[S ~[]E, E any](from S, places []int) S {
	to := make(S, 0, len(places))
	for _, i := range places {
		to = append(to, from[i])
	}
	return to
}

// nack is an error that names the messages with refused points.
func nack(batch service.MessageBatch, refusals []refusal) error {
	err := service.NewBatchError(batch, fmt.Errorf("InfluxDB refuses %s: %s", pointsOf(len(refusals)), brief(refusals[0].reason)))
	named := make(map[int]bool, len(refusals))
	for _, r := range refusals {
		if !named[r.message] {
			named[r.message] = true
			err.Failed(r.message, errors.New(r.reason))
		}
	}
	return err
}

// brief is the beginning of a reason, for the log: a reason can repeat the point.
func brief(reason string) string {
	const most = 160
	if len(reason) <= most {
		return reason
	}
	return strings.ToValidUTF8(reason[:most], "") + "…"
}

// logOf logs of a refusal: where its point was to go, and where the message of it
// lies in Kafka, if the message says so.
func (o *output) logOf(batch service.MessageBatch, r refusal) *service.Logger {
	return o.log.With(append([]any{logBucket, short(r.bucket), logStatus, r.status, logReason, r.class}, placeOf(batch[r.message])...)...)
}

// block keeps a batch with refused points, and so the stream, until InfluxDB
// takes them or the output is closed: without an output for them there is no
// other place where they are safe.
func (o *output) block(ctx context.Context, batch service.MessageBatch, refusals []refusal) error {
	for {
		o.logOf(batch, refusals[0]).Errorf("InfluxDB refuses %s, %s; the stream waits: mend it there, or give the output `rejected` a place for such points. Trying again in %s",
			pointsOf(len(refusals)), brief(refusals[0].reason), notePeriod)
		if err := sleep(ctx, notePeriod); err != nil {
			return err
		}
		again := newCall()
		var hopeless []refusal
		for _, r := range refusals {
			if r.status == 0 {
				hopeless = append(hopeless, r) // no server has a say in it
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
		if refusals = append(hopeless, again.refusals...); len(refusals) == 0 {
			return nil
		}
	}
}
