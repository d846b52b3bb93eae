package recordbatch

import (
	"context"
	"sync/atomic"
)

// Checked says of a batch in memory that its CRC is right: this process has
// compared it, or made it. Whoever gets the batch with the context that In made
// need not do so again, which would be a tenth of reading and decoding it.
//
// It is of the bytes in one place, not of a copy, and of none that somebody put
// instead of them. It cannot see that bytes are changed where they lie, which no
// processor of Benthos may do; but who fills the memory with another batch calls
// End before.
type Checked struct {
	first *byte // keeps the memory, so that nothing else can come to lie there
	size  int
	over  atomic.Bool
}

// NewChecked is for a batch as Next and AppendUncompressed give it.
func NewChecked(batch []byte) *Checked {
	c := &Checked{size: len(batch)}
	if len(batch) > 0 {
		c.first = &batch[0]
	}
	return c
}

// In adds c to a context.
func (c *Checked) In(ctx context.Context) context.Context {
	return context.WithValue(ctx, checkedKey{}, c)
}

type checkedKey struct{}

// CheckedOf gives what the context says of these very bytes, or nil.
func CheckedOf(ctx context.Context, batch []byte) *Checked {
	c, ok := ctx.Value(checkedKey{}).(*Checked)
	if !ok || len(batch) == 0 || c.size != len(batch) || c.first != &batch[0] {
		return nil
	}
	return c
}

// End says that other bytes are about to be put there.
func (c *Checked) End() { c.over.Store(true) }

// Over tells whether End was called. What was read of the batch is right if it is
// not over afterwards. Of nil, which nobody ends, it is false.
func (c *Checked) Over() bool { return c != nil && c.over.Load() }
