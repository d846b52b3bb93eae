package delivery

import (
	"context"
	"errors"
	"sync"
	"time"
)

// Budget bounds the bytes that an input has fetched, and the results of processors,
// until they are acknowledged.
//
// Half of it is for fetching, so that processors have room for their results while the
// input has plenty to fetch. One delivery at a time may exceed the limit: a batch can
// become larger than the whole budget, and deliveries that wait for room must not wait
// for each other.
type Budget struct {
	limit int64

	mu   sync.Mutex
	used int64
	over *Delivery     // the delivery that may exceed the limit, until it is settled
	room chan struct{} // closed when bytes are released; nil if nothing waits
}

// NewBudget returns a budget of this many bytes.
func NewBudget(limit int64) *Budget { return &Budget{limit: limit} }

// Charge counts n bytes of the input: bytes that it has fetched or, if negative,
// released.
func (b *Budget) Charge(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.add(n)
}

// InUse returns the bytes in use.
func (b *Budget) InUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// Full reports whether there is no room for fetching.
func (b *Budget) Full() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.full()
}

// full must be called with mu held.
func (b *Budget) full() bool { return b.used >= (b.limit+1)/2 }

// Wait returns when there is room for fetching, or with the error of ctx.
func (b *Budget) Wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		if !b.full() {
			b.mu.Unlock()
			return ctx.Err()
		}
		room := b.released()
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// add must be called with mu held.
func (b *Budget) add(n int64) {
	b.used += n
	if n < 0 && b.room != nil {
		close(b.room)
		b.room = nil
	}
}

// released returns a channel that is closed at the next release. It must be called with
// mu held.
func (b *Budget) released() <-chan struct{} {
	if b.room == nil {
		b.room = make(chan struct{})
	}
	return b.room
}

// reserve adds n bytes of d, or returns a channel to wait for.
func (b *Budget) reserve(d *Delivery, n int64) (wait <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.used+n > b.limit {
		if b.over != nil && b.over != d {
			return b.released()
		}
		b.over = d
	}
	b.add(n)
	return nil
}

// release releases the bytes of a delivery.
func (b *Budget) release(d *Delivery, n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over == d {
		b.over = nil
	}
	b.add(-n)
}

// ErrFull means that a reservation found no room within its time limit.
var ErrFull = errors.New("no room in the input's memory budget: the batches in it wait for the output")

// patience is how long Reserve waits. It is bounded because components may keep a part
// of a delivery behind the waiting thread, and that part may belong to the delivery
// that exceeds the limit.
const patience = 10 * time.Second

// Reserve counts n more bytes, for results of this delivery, in the budget of its input
// until the delivery is settled. It waits while the budget is full, unless no other
// delivery exceeds it. It returns the error of ctx, or ErrFull after 10 s: the caller
// then refuses the delivery, and the input redelivers it later.
//
// Nothing bounds the messages of other inputs, or messages that were acknowledged
// before: Reserve then returns nil.
func (d *Delivery) Reserve(ctx context.Context, n int64) error {
	if d == nil || d.budget == nil || n <= 0 {
		return nil
	}
	var patient <-chan time.Time
	for {
		room := d.reserve(n)
		if room == nil {
			return nil
		}
		if patient == nil {
			timer := time.NewTimer(patience)
			defer timer.Stop()
			patient = timer.C
		}
		select {
		case <-room:
		case <-patient:
			return ErrFull
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (d *Delivery) reserve(n int64) (wait <-chan struct{}) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.settled {
		return nil
	}
	if wait = d.budget.reserve(d, n); wait == nil {
		d.reserved += n
	}
	return wait
}
