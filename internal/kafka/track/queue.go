package track

import (
	"slices"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Batch is a record batch from its fetch to its acknowledgement.
type Batch struct {
	Header recordbatch.Header
	// Bytes are in memory of their own, which is never reused: Benthos has components
	// that keep a message without a copy, or are still writing it when it is
	// acknowledged.
	Bytes   []byte
	Becomes int64 // bytes of the messages of its records, besides its own

	partition *Partition // set by Enqueue, with number
	number    int64      // in the partition's prefix
	nacks     int        // tracker.mu guards it
}

// Partition returns the partition of a queued batch.
func (b *Batch) Partition() *Partition { return b.partition }

// Size is how much the batch is charged until it is acknowledged.
func (b *Batch) Size() int64 { return int64(len(b.Bytes)) + MessageBytes }

// MessageBytes is about what a message takes besides its content: its metadata, and
// what is kept of the batch.
const MessageBytes = 1 << 10

// How long a nacked batch rests before it is redelivered; doubled each time.
const (
	MinBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// Next returns the batch to deliver next, or nil. Nacked ones come first: otherwise
// a full pipeline would never get them.
func (t *Tracker) Next() *Batch {
	t.mu.Lock()
	defer t.mu.Unlock()
	var b *Batch
	switch {
	case len(t.again) > 0:
		b, t.again = t.again[0], t.again[1:]
	case len(t.fetched) > 0:
		b, t.fetched[0] = t.fetched[0], nil
		t.fetched = t.fetched[1:]
		b.partition.delivered = max(b.partition.delivered, b.Header.LastOffset()+1)
	default:
		return nil
	}
	if len(t.again)+len(t.fetched) > 0 {
		Signal(t.ready)
	}
	return b
}

// Queued returns how many batches wait to be delivered, and redelivered.
func (t *Tracker) Queued() (fetched, again int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.fetched), len(t.again)
}

// Ack notes that a batch of Next is stored. It is called once for each delivery that
// is not nacked.
func (t *Tracker) Ack(b *Batch) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !b.partition.lost {
		b.partition.acked.ack(b.number)
		t.accepted(b)
	}
	t.release(b)
}

// Nacked is what a nack has led to.
type Nacked struct {
	Nacks   int       // of the batch, this one included; 0 if its partition is revoked
	Since   time.Time // when the first of the waiting batches was nacked
	Waiting int       // batches of the partition that are nacked and not accepted since
	// Reread is whether the partition dropped what it had in flight, to be fetched
	// again from offset From, because it left the others no room.
	Reread bool
	From   int64
}

// Nack has a batch of Next delivered again, whole, after a rest.
func (t *Tracker) Nack(b *Batch, err error) Nacked {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := min(MinBackoff<<min(b.nacks, 10), maxBackoff)
	n := t.nacked(b, err)
	time.AfterFunc(rest, func() { t.requeue(b, false) })
	return n
}

// PutBack returns a batch of Next that was not delivered, to be the next again.
func (t *Tracker) PutBack(b *Batch) { t.requeue(b, true) }

func (t *Tracker) requeue(b *Batch, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed || b.partition.lost {
		t.release(b)
		return
	}
	at := len(t.again)
	if first {
		at = 0
	}
	t.again = slices.Insert(t.again, at, b)
	Signal(t.ready)
}

// release ends the charge of Enqueue. It is called once for each batch.
func (t *Tracker) release(b *Batch) { t.conf.Budget.Charge(-b.Size()) }

// drop removes the batches of partitions that are gone from both queues. It must be
// called with mu held.
func (t *Tracker) drop(gone map[*Partition]bool) {
	of := func(b *Batch) bool {
		if !gone[b.partition] {
			return false
		}
		t.release(b)
		return true
	}
	t.fetched = slices.DeleteFunc(t.fetched, of)
	t.again = slices.DeleteFunc(t.again, of)
}
