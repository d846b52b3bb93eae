// Package delivery connects an input with the processors behind it, for one
// delivery of a message or batch: the input puts a Delivery into the context of
// its messages; a processor that cannot process a message now refuses it, and one
// that makes much of it reserves memory first.
//
// A processor of Benthos has no such way of its own. An error that it returns
// marks the message and sends it on, in our pipelines to the dead letters; to
// wait holds a thread of the pipeline, and so every partition behind it.
package delivery

import (
	"context"
	"sync"
)

// Delivery is one delivery of a message or batch, from the input that made it to
// its acknowledgement. A redelivery is another Delivery. It is safe for
// concurrent use.
type Delivery struct {
	// Identity is what the input promises to tell topics apart by, empty where it
	// promises nothing. It is set before a processor gets the delivery.
	Identity string

	budget *Budget // nil: nothing is reserved

	mu        sync.Mutex
	settled   bool
	refused   error
	counted   bool
	fruitless error
	reserved  int64 // bytes
}

// New returns a delivery of the input whose budget it is.
func (b *Budget) New() *Delivery { return &Delivery{budget: b} }

// In returns ctx with d.
func (d *Delivery) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, key{}, d)
}

type key struct{}

// Of returns the Delivery that ctx carries, or nil: inputs other than ours have
// none.
func Of(ctx context.Context) *Delivery {
	d, _ := ctx.Value(key{}).(*Delivery)
	return d
}

// Refuse makes the input redeliver the whole delivery after a back-off, whatever
// the acknowledgement says, and reports whether it will. The caller then leaves
// the message out of its result. Where Refuse reports false the caller still owns
// the message: d is nil, or the acknowledgement came first, as from a buffer that
// acknowledges what it stores, so that nothing would redeliver the message.
//
// err says why; of several the first is kept. It must not be nil.
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

// Settle is called by the input with the acknowledgement. It releases what was
// reserved, and returns why the delivery was refused, or nil.
func (d *Delivery) Settle() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.budget != nil && !d.settled {
		d.budget.release(d, d.reserved)
	}
	d.settled = true
	return d.refused
}

// Open reports whether the input still waits for the acknowledgement. It is false
// of nil.
func (d *Delivery) Open() bool {
	if d == nil {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return !d.settled
}
