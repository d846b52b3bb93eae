package sentimentwindow

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// Estimated memory of the results, in addition to the bytes of lines, keys and values. A
// test compares the estimates with the memory in use.
const (
	letterBytes = 2 << 10 // a dead letter with its metadata
	markBytes   = 1 << 10 // the error and metadata of a dead letter
	pointBytes  = 2 << 10 // a structured message
	cellBytes   = 256     // a window and brand, and its lines
	seriesBytes = 512     // a brand, in addition to five times its name
)

// recordsPerReservation is the number of records after which memory is reserved for
// their results.
const recordsPerReservation = 1024

// Reasons why the input redelivers a message: the values of a metric's label, so a fixed
// list.
const (
	postponedMemory   = "memory"
	postponedSchema   = "schema"
	postponedTooLarge = "too_large"
)

// payerOf returns the delivery that is charged for the results of a call: a single one
// of its messages', since a call that waited for memory of one delivery while holding
// that of another could wait for itself. It is nil if no kafka_batches waits for an
// acknowledgement.
func payerOf(batch service.MessageBatch) *delivery.Delivery {
	for _, m := range batch {
		if d := delivery.Of(m.Context()); d.Open() {
			return d
		}
	}
	return nil
}

// made returns the estimated memory of the results so far.
func (f *folder) made() int64 {
	n := f.letters
	for _, g := range f.groups {
		n += int64(cap(g.lines)) + int64(len(g.points))*pointBytes + int64(len(g.fold.cells))*cellBytes
		if g.series != nil {
			n += g.series.bytes - g.seriesBefore
		}
	}
	return n
}

// reserve charges the input for the results since the last call. It waits while the
// budget is exhausted. It fails with the error of the context, or with errPostponed if
// the wait was too long and the input redelivers m. If the input does not redeliver, the
// results are bounded by the size of m only.
func (p *processor) reserve(ctx context.Context, f *folder, m *service.Message) error {
	made := f.made()
	if f.payer == nil || made <= f.reserved {
		return nil
	}
	err := f.payer.Reserve(ctx, made-f.reserved)
	switch {
	case err == nil:
		f.reserved = made
		return nil
	case !errors.Is(err, delivery.ErrFull):
		return err
	case p.postpone(m, place{}, postponedMemory, err):
		return errPostponed
	}
	f.payer = nil
	return nil
}

// postpone makes the input redeliver a message, and reports whether it will.
func (p *processor) postpone(m *service.Message, at place, reason string, err error) bool {
	if !delivery.Of(m.Context()).Refuse(err) {
		return false
	}
	p.metrics.postponed.Incr(1, reason)
	if reason != postponedMemory { // which resolves itself
		p.notes.postponed(at, reason, err)
	}
	return true
}
