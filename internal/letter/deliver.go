package letter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Output accepts letters. It is a *service.OwnedOutput that is started.
type Output interface {
	WriteBatch(ctx context.Context, batch service.MessageBatch) error
	Close(ctx context.Context) error
}

// closing bounds how long Close waits for an output, which cannot be interrupted. It is idle
// unless shutdown_timeout has nearly expired: a component is closed in the last quarter of
// it.
const closing = 500 * time.Millisecond

// Close closes an output, which is the value of a field. It must have been started: one that
// was not never reports that it has ended.
func Close(ctx context.Context, field string, o Output) error {
	ctx, cancel := context.WithTimeout(ctx, closing)
	defer cancel()
	if err := o.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("closing the output `%s`: %w", field, err)
	}
	return nil
}

// Delivery is how letters are delivered to an output, until it has accepted all of them.
type Delivery struct {
	Output Output
	Limit  int // of a letter, in bytes
	// Make returns letter i of at most limit bytes.
	Make func(i, limit int) *service.Message
	// Failed is called with the number of letters that the output did not accept, the
	// first of them, and why. It waits before the next attempt; an error ends the delivery.
	Failed func(ctx context.Context, letters, first int, err error) error
}

// Deliver delivers so many letters. One that is too large for the output is truncated.
func (d Delivery) Deliver(ctx context.Context, letters int) error {
	all := make([]int, letters)
	for i := range all {
		all[i] = i
	}
	return d.deliver(ctx, all)
}

func (d Delivery) deliver(ctx context.Context, letters []int) error {
	limit := d.Limit
	all := func() service.MessageBatch {
		messages := service.MessageBatch{}
		for _, i := range letters {
			messages = append(messages, d.Make(i, limit))
		}
		return messages
	}
	messages := all()
	for {
		index := messages.Index()
		err := d.Output.WriteBatch(ctx, messages)
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var partial *service.BatchError
		if errors.As(err, &partial) && partial.IndexedErrors() > 0 {
			left := failed(messages, index, partial)
			letters, messages = pick(letters, left), pick(messages, left)
		}
		switch {
		case tooLarge(err) && len(messages) > 1:
			// One of them is too large, and must not affect the others.
			for _, i := range letters {
				if err := d.deliver(ctx, []int{i}); err != nil {
					return err
				}
			}
			return nil
		case tooLarge(err) && limit > MinBytes:
			limit = max(limit/2, MinBytes)
			messages = all()
			continue
		}
		if err := d.Failed(ctx, len(letters), letters[0], err); err != nil {
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

// tooLarge reports whether the error of an output means that a message is too large. The
// message is truncated then, so words that may be about a rate or a time are not enough.
func tooLarge(err error) bool {
	text := strings.ToLower(err.Error())
	has := func(words string) bool { return strings.Contains(text, words) }
	return slices.ContainsFunc([]string{"too large", "too_large", "toolarge", "too big", "maximum payload", "max message size", "message too long"}, has) ||
		slices.ContainsFunc([]string{"exceed", "larger than", "bigger than"}, has) && slices.ContainsFunc([]string{"size", "bytes", "length", "message", "payload"}, has) &&
			!slices.ContainsFunc([]string{"deadline", "rate", "quota", "retries", "time"}, has)
}
