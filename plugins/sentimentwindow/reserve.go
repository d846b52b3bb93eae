package sentimentwindow

import (
	"context"
	"errors"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// About what is taken by what is made of messages, besides the bytes of lines,
// keys and values. A test compares it with what is in use.
const (
	letterBytes = 2 << 10 // with its metadata
	markBytes   = 1 << 10 // what makes a letter of a message that is there
	pointBytes  = 2 << 10 // a structured message
	cellBytes   = 256     // a window and brand, and its lines
	seriesBytes = 512     // a brand, besides five times its name
)

// recordsPerReservation is after how many records memory is reserved for what was
// made of them.
const recordsPerReservation = 1024

// Reasons why a message is left to its input to redeliver: the values of a
// metric's label, so a fixed list.
const (
	postponedMemory   = "memory"
	postponedSchema   = "schema"
	postponedTooLarge = "too_large"
)

// payerOf returns the delivery whose input is charged for what a call makes of its
// messages: one of theirs, since a call that waited for room with one delivery
// while it holds that of another would wait for itself. It is nil where no input
// of ours waits for an acknowledgement.
func payerOf(batch service.MessageBatch) *delivery.Delivery {
	for _, m := range batch {
		if d := delivery.Of(m.Context()); d.Open() {
			return d
		}
	}
	return nil
}

// made is about how many bytes the call has made of its messages.
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

// reserve charges the input for what was made since the last time. It waits while
// the input has no room. It fails with the error of the context, or with
// errPostponed: no room came, and the input redelivers m. Where it does not, what
// bounds m alone must do.
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

// postpone leaves a message to its input to redeliver, if that will.
func (p *processor) postpone(m *service.Message, at place, reason string, err error) bool {
	if !delivery.Of(m.Context()).Refuse(err) {
		return false
	}
	p.metrics.postponed.Incr(1, reason)
	if reason != postponedMemory { // that passes by itself
		p.notes.postponed(at, reason, err)
	}
	return true
}
