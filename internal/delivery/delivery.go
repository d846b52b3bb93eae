// Package delivery connects an input with the processors behind it, for one delivery of
// a message or batch. The input puts a Delivery into the context of its messages. A
// processor that cannot process a message now refuses it, and one whose result is large
// reserves memory first.
//
// Benthos has no such mechanism. An error that a processor returns marks the message
// and sends it on, in our pipelines to the dead letters. Waiting occupies a thread of
// the pipeline, and so blocks every partition behind it.
package delivery

import (
	"context"
	"sync"
)

// Delivery is one delivery of a message or batch, from its input to its
// acknowledgement. A redelivery is another Delivery. It is safe for concurrent use.
type Delivery struct {
	// Identity is how the input promises to distinguish topics, empty if it promises
	// nothing. It is set before a processor gets the delivery.
	Identity string
	// Compacted is whether another reading may deliver other batches: the input reads
	// compacted topics. It is set before a processor gets the delivery.
	Compacted bool
	// Revoked is closed when the input loses the right to deliver the messages: another
	// member will. Messages that wait somewhere are then to be dropped. It is nil if the
	// input never loses it, or cannot tell.
	Revoked <-chan struct{}

	budget *Budget // nil: nothing is reserved
	whole  *Delivery

	mu        sync.Mutex
	settled   bool
	refused   error
	counted   bool
	fruitless error
	reserved  int64 // bytes
}

// New returns a delivery of an input with this budget.
func (b *Budget) New() *Delivery { return &Delivery{budget: b} }

// Part returns the delivery of a part of d, for an input around another one that delivers
// messages apart from each other, and again if they fail. A part is refused and settled by
// itself, since a refusal of the whole would deliver all of it again. Its reservations
// are in the same budget. It returns nil for nil.
func (d *Delivery) Part() *Delivery {
	if d == nil {
		return nil
	}
	return &Delivery{Identity: d.Identity, Compacted: d.Compacted, Revoked: d.Revoked, budget: d.budget, whole: d}
}

// In returns ctx with d.
func (d *Delivery) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, d)
}

type key struct{}

// Of returns the Delivery in ctx, or nil: other inputs have none.
func Of(ctx context.Context) *Delivery {
	d, _ := ctx.Value(key{}).(*Delivery)
	return d
}

// Refuse makes the input redeliver the whole delivery after a back-off, whatever the
// acknowledgement says, and reports whether it will. The caller then leaves the message
// out of its result. If Refuse returns false the caller still owns the message: d is
// nil, or the delivery was acknowledged before, for instance by a buffer that
// acknowledges what it stores, so nothing would redeliver the message.
//
// err is the reason and must not be nil. The first reason is kept.
func (d *Delivery) Refuse(err error) bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return false
	}
	if d.refused == nil {
		d.refused = err
	}
	return true
}

// Settle is called by the input with the acknowledgement. It releases all reservations,
// and returns the reason why the delivery was refused, or nil.
func (d *Delivery) Settle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.budget != nil && !d.settled {
		d.budget.release(d, d.reserved)
	}
	d.settled = true
	return d.refused
}

// Open reports whether the input still waits for the acknowledgement. It is false for
// nil.
func (d *Delivery) Open() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.settled
}
