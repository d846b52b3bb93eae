package influxdb

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
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
	pause := newPause(o.conf)
	return letter.Delivery{
		Output: o.rejected,
		Limit:  o.conf.letterBytes,
		Make: func(i, limit int) *service.Message {
			return refusals[i].letter(batch[refusals[i].message], limit)
		},
		Failed: func(ctx context.Context, letters, first int, err error) error {
			wait := pause.next(decision{verdict: verdictRetry})
			o.logOf(batch, refusals[first]).Errorf("Writing %d rejected points to the output `rejected`: %s; retrying in %s", letters, letter.Clean(err.Error(), o.client.hide), wait)
			return sleep(ctx, wait)
		},
	}.Deliver(ctx, len(refusals))
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
