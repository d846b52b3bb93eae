package kafkabatch

import (
	"context"
	"sync"
)

// budget bounds the bytes that are fetched and not yet acknowledged. What is
// charged can go past the limit by what is on its way when the limit is reached:
// for each fetcher, of which a broker has two, a response and the batch that is
// decompressed.
type budget struct {
	limit int64

	mu   sync.Mutex
	used int64
	room chan struct{} // closed when used falls below the limit; nil while nobody waits
}

// wait returns when there is room.
func (b *budget) wait(ctx context.Context) error {
	for {
		b.mu.Lock()
		if b.used < b.limit {
			b.mu.Unlock()
			return ctx.Err()
		}
		if b.room == nil {
			b.room = make(chan struct{})
		}
		room := b.room
		b.mu.Unlock()
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (b *budget) charge(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.used += n
	if b.used < b.limit && b.room != nil {
		close(b.room)
		b.room = nil
	}
}

func (b *budget) inUse() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.used
}

// hold is memory that several batches may share: the batches of a response that
// came uncompressed are parts of its bytes, and none of these can go before the
// last batch does. It is charged once its size counts for nobody but them.
type hold struct {
	budget *budget

	mu      sync.Mutex
	users   int
	size    int64
	charged bool
}

// hold makes memory with one user.
func (b *budget) hold(size int64) *hold {
	return &hold{budget: b, users: 1, size: size}
}

// batchOverhead is about what is kept of a batch besides its bytes.
const batchOverhead = 256

// share adds a user. It comes before charge.
func (h *hold) share() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users++
	h.size += batchOverhead
}

// charge counts the memory, unless its last user has gone already.
func (h *hold) charge() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.users > 0 && !h.charged {
		h.charged = true
		h.budget.charge(h.size)
	}
}

// release is called once by each user.
func (h *hold) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.users--
	if h.users == 0 && h.charged {
		h.charged = false
		h.budget.charge(-h.size)
	}
}
