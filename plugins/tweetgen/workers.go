package tweetgen

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// batch is a generated batch until it has been acknowledged. Its bytes are kept
// to be sent again; the messages are made anew each time, since a pipeline may
// change those it gets.
type batch struct {
	plan  plan
	data  []byte
	ends  []uint32
	nacks int
}

// messages makes a message of each tweet. They share the batch's bytes; their
// capacity is cut, so that an append cannot run into the next tweet.
func (b *batch) messages() service.MessageBatch {
	msgs := make(service.MessageBatch, len(b.ends))
	start := uint32(0)
	for i, end := range b.ends {
		msgs[i] = service.NewMessage(b.data[start:end:end])
		start = end
	}
	return msgs
}

// made is a batch on its way from a worker to ReadBatch.
type made struct {
	batch    *batch
	messages service.MessageBatch
}

// workers generate batches ahead of ReadBatch, each holding at most one, and
// all together at most max_in_flight that have not been acknowledged.
type workers struct {
	generator *generator
	pacer     *pacer
	interval  time.Duration // between two batches of a worker
	tally     *tally
	now       func() time.Time

	ready chan made
	// finished is closed when no batch is left to generate, nor to acknowledge.
	finished chan struct{}

	slots chan struct{} // one is taken by each batch from plan to acknowledgement

	mu        sync.Mutex
	held      int // slots
	exhausted bool
}

func newWorkers(c *config, g *generator, p *pacer, t *tally, now func() time.Time) *workers {
	w := &workers{
		generator: g, pacer: p, tally: t, now: now,
		ready:    make(chan made),
		finished: make(chan struct{}),
		slots:    make(chan struct{}, c.maxInFlight),
	}
	if c.rate == 0 {
		w.interval = c.interval
	}
	return w
}

// work generates until there is nothing left or ctx is done.
func (w *workers) work(ctx context.Context) {
	for w.take(ctx) {
		next, due, missed, ok := w.pacer.next()
		w.tally.addMissed(missed)
		if !ok {
			w.exhaust()
			w.release()
			return
		}
		if !sleep(ctx, due.Sub(w.now())) {
			return
		}
		m := w.generate(next)
		select {
		case w.ready <- m:
		case <-ctx.Done():
			return
		}
		// Seen here and not after the interval, which may be long.
		if w.pacer.ended() {
			w.exhaust()
			return
		}
		if !sleep(ctx, w.pacer.untilEnd(w.interval)) {
			return
		}
	}
}

func (w *workers) generate(p plan) made {
	b := &batch{plan: p}
	b.data, b.ends = w.generator.appendBatch(
		make([]byte, 0, w.generator.sizeHint(p)), make([]uint32, 0, p.size()), p, w.now().UnixMilli())
	return made{batch: b, messages: b.messages()}
}

// take waits for a slot. It is taken before the batch is planned: the end of
// all things is that nothing is left to plan and no slot is taken, and a plan
// without a slot would be overlooked.
func (w *workers) take(ctx context.Context) bool {
	select {
	case w.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	}
	w.mu.Lock()
	w.held++
	w.mu.Unlock()
	return true
}

// release gives a slot back: its batch has been acknowledged, or none was left.
func (w *workers) release() {
	<-w.slots
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held--
	w.finish()
}

// exhaust notes that there is nothing left to plan.
func (w *workers) exhaust() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.exhausted = true
	w.finish()
}

// finish closes finished if it is time. The caller holds mu.
func (w *workers) finish() {
	if !w.exhausted || w.held > 0 {
		return
	}
	select {
	case <-w.finished:
	default:
		close(w.finished)
	}
}

// sleep is false if ctx was done first.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
