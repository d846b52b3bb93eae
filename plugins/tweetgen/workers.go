package tweetgen

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"golang.org/x/sync/semaphore"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// batch is a generated batch that has not been acknowledged. Its bytes are kept for
// redelivery. Each delivery gets new messages, since a pipeline may change those it
// receives.
type batch struct {
	plan     plan
	contents contents
	data     []byte
	ends     []uint32 // of the messages in data
	records  []int    // of each message; nil if each is one tweet
	keys     parts    // of single tweets, if they have any
	headers  parts    // likewise, encoded
	nacks    int
	memory   int64 // that it holds of max_in_flight_bytes
}

// messages returns a message for each tweet or record batch. They share the batch's
// bytes; their capacity is cut, so that an append cannot run into the next one.
func (b *batch) messages() service.MessageBatch {
	msgs := make(service.MessageBatch, len(b.ends))
	start := uint32(0)
	for i, end := range b.ends {
		msgs[i] = service.NewMessage(b.data[start:end:end])
		if b.records != nil {
			msgs[i] = msgs[i].WithContext(contract.WithSealed(context.Background(), b.data[start:end:end]))
			msgs[i].MetaSetMut(contract.KafkaBatchRecords, b.records[i])
		}
		b.setEnvelope(msgs[i], i)
		start = end
	}
	return msgs
}

// made is a batch on its way from a worker to ReadBatch.
type made struct {
	batch    *batch
	messages service.MessageBatch
}

// workers generate batches ahead of ReadBatch. Each holds at most one, and at most
// max_in_flight batches of max_in_flight_bytes are unacknowledged.
type workers struct {
	conf      *config
	generator *generator
	pacer     *pacer
	interval  time.Duration // between two batches of a worker
	tally     *tally
	now       func() time.Time

	ready chan made
	// finished is closed when all batches are generated and acknowledged.
	finished chan struct{}

	slots  chan struct{} // each batch holds one from its plan to its acknowledgement
	memory *semaphore.Weighted

	mu        sync.Mutex
	held      int // slots
	exhausted bool
}

func newWorkers(c *config, g *generator, p *pacer, t *tally, now func() time.Time) *workers {
	w := &workers{
		conf: c, generator: g, pacer: p, tally: t, now: now,
		ready:    make(chan made),
		finished: make(chan struct{}),
		slots:    make(chan struct{}, c.maxInFlight),
		memory:   semaphore.NewWeighted(int64(c.maxBytes)),
	}
	if !c.paced() {
		w.interval = c.interval
	}
	return w
}

// work generates until there is nothing left or ctx is done.
func (w *workers) work(ctx context.Context, generate maker) {
	for w.acquire(ctx) {
		next, due, missed, ok := w.pacer.next()
		w.tally.addMissed(missed)
		if !ok {
			w.exhaust()
			w.release(0)
			return
		}
		if !sleep(ctx, due.Sub(w.now())) {
			return
		}
		reserved := w.estimate(next)
		if w.memory.Acquire(ctx, reserved) != nil {
			return
		}
		m := generate(next, due)
		m.batch.memory = m.batch.memoryOf(reserved)
		w.memory.Release(reserved - m.batch.memory)
		select {
		case w.ready <- m:
		case <-ctx.Done():
			return
		}
		// Checked before the interval, which may be long.
		if w.pacer.ended() {
			w.exhaust()
			return
		}
		if !sleep(ctx, w.pacer.untilEnd(w.interval)) {
			return
		}
	}
}

// maker makes the batch of a plan that is due at a time, which is that of its tweets: if
// the generator is late, the delay is part of the latency that a consumer measures.
type maker func(p plan, due time.Time) made

// maker returns the maker of a worker.
func (w *workers) maker() (maker, error) {
	if w.conf.message != contract.RecordBatch {
		return w.generate, nil
	}
	packer, err := newPacker(w.generator, w.conf)
	if err != nil {
		return nil, err
	}
	return func(p plan, due time.Time) made {
		b := packer.pack(p, due.UnixMilli())
		return made{batch: b, messages: b.messages()}
	}, nil
}

func (w *workers) generate(p plan, due time.Time) made {
	b := &batch{plan: p, data: make([]byte, 0, w.generator.sizeHint(p)), ends: make([]uint32, 0, p.size())}
	w.generator.fillBatch(b, due.UnixMilli())
	return made{batch: b, messages: b.messages()}
}

// acquire waits for a slot. It must come before the plan: the input has finished
// when nothing is left to plan and no slot is held, so a planned batch without a slot
// would be missed.
func (w *workers) acquire(ctx context.Context) bool {
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

// estimate returns the memory that a batch will take, but at most all that there is, so
// that it does not wait for ever.
func (w *workers) estimate(p plan) int64 {
	size := w.generator.recordsHint(p)
	if w.conf.message != contract.RecordBatch {
		size += w.generator.withCopies(p.size()) * (messageBytes + w.generator.envelope.metadataBytes())
	}
	return min(int64(size), int64(w.conf.maxBytes))
}

// messageBytes is what a message takes beside its content, by the heap of a pipeline that
// holds them.
const messageBytes = 170

// memoryOf returns the memory of the batch and its messages, of which so much is
// reserved: less if its record batches are compressed.
func (b *batch) memoryOf(reserved int64) int64 {
	if b.records == nil {
		return reserved
	}
	return min(reserved, int64(cap(b.data)+len(b.ends)*messageBytes))
}

// release returns a slot, and memory: its batch is acknowledged, or there was none to plan.
func (w *workers) release(memory int64) {
	w.memory.Release(memory)
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

// finish closes finished if the last batch is acknowledged. mu must be held.
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

// sleep waits for d. It reports false if ctx is done first.
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
