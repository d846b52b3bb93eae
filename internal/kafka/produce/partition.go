package produce

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// partition holds the batches of a partition in the order in which they are sent: first
// the queue of sealed ones, of which only the first may be in flight, then the open one.
type partition struct {
	producer *Producer
	topic    *Topic
	index    int32
	leader   atomic.Int32 // -1: unknown; written with mu held
	waits    atomic.Bool  // it backs off; written with mu held

	mu       sync.Mutex
	builder  recordbatch.Builder // the open batch, if it has records
	buf      *buffer             // its memory
	runs     []run
	wanted   bool // a call waits for the open batch
	usual    int  // size of the last batch: the next one's first memory
	queue    []*batch
	inFlight bool // queue[0] is in a request
	job      bool // it is in Producer.jobs
	listed   bool // it is in the list of a sender
	failures int  // in a row
	timer    *time.Timer
}

// add appends a record to the open batch. If that had to be sealed first, it is returned,
// to be prepared by the caller.
func (p *partition) add(c *Call, message, size int, rec *recordbatch.Record) (full *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.builder.Records() > 0 && p.builder.Size()+size > p.producer.conf.MaxBatchBytes {
		full = p.sealOpen()
	}
	if p.builder.Records() == 0 {
		p.buf = p.producer.buffers.get(max(p.usual, recordbatch.HeaderSize+size))
		p.builder.Begin(p.buf.bytes)
		p.runs = nil
	}
	if p.builder.Room() < size {
		p.grow(size)
	}
	p.builder.Append(rec)
	p.runs = appendRun(p.runs, c, int32(message))
	return full
}

// addBatch queues a whole batch behind the records that were added before, whose batch it
// returns to be prepared by the caller.
func (p *partition) addBatch(b *batch) (full *batch) {
	p.mu.Lock()
	defer p.mu.Unlock()
	full = p.sealOpen()
	p.queue = append(p.queue, b)
	p.advance()
	return full
}

// want notes that a call waits for its records.
func (p *partition) want() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wanted = p.builder.Records() > 0
	p.advance()
}

// grow moves the open batch to memory with room for a record.
func (p *partition) grow(size int) {
	larger := p.producer.buffers.get(max(2*p.builder.Size(), p.builder.Size()+size))
	p.builder.Move(larger.bytes)
	p.producer.buffers.put(p.buf)
	p.buf = larger
}

// sealOpen moves the open batch to the queue and returns it, or nil if it has no records.
// Somebody must prepare it.
func (p *partition) sealOpen() *batch {
	if p.builder.Records() == 0 {
		return nil
	}
	b := &batch{builder: p.builder, buf: p.buf, records: int32(p.builder.Records()), plain: p.builder.Size(), runs: p.runs}
	b.withdrawn = !b.complete()
	p.builder, p.buf, p.runs, p.wanted = recordbatch.Builder{}, nil, nil, false
	p.usual = b.plain
	p.queue = append(p.queue, b)
	p.topic.leave(p.index)
	return b
}

// advance takes the next step for the partition, if there is one: prepare a batch or offer
// it to the sender of the leader. It is called whenever something has changed.
func (p *partition) advance() {
	if p.inFlight || p.waits.Load() {
		return
	}
	work := len(p.queue) > 0 || p.wanted && p.builder.Records() > 0
	if !work {
		return
	}
	leader := p.leader.Load()
	if leader < 0 {
		p.producer.refresh()
		return
	}
	switch {
	case len(p.queue) == 0, p.queue[0].state == ready && p.queue[0].unclean():
		if !p.job {
			p.job = p.producer.schedule(p)
		}
	case p.queue[0].state == ready && !p.listed:
		p.listed = p.producer.list(p, leader)
	}
}

// withdraw takes a call out of all batches.
func (p *partition) withdraw(c *Call) (unsent, inDoubt int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range p.queue {
		n := withdrawRuns(b.runs, c)
		if b.sent > 0 || i == 0 && p.inFlight {
			inDoubt += n
		} else if unsent += n; n > 0 {
			b.withdrawn = true
		}
	}
	unsent += withdrawRuns(p.runs, c)
	if p.builder.Records() > 0 && !owned(p.runs) {
		p.producer.buffers.put(p.buf)
		p.builder, p.buf, p.runs, p.wanted = recordbatch.Builder{}, nil, nil, false
	}
	p.sweep()
	p.advance()
	return unsent, inDoubt
}

// sweep drops batches that no call waits for. Those in flight or being prepared are
// dropped when that has ended.
func (p *partition) sweep() {
	p.queue = slices.DeleteFunc(p.queue, func(b *batch) bool {
		if b.state != ready || p.inFlight && b == p.queue[0] || owned(b.runs) {
			return false
		}
		p.producer.buffers.put(b.buf)
		return true
	})
}

const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
)

// backOff lets the partition wait before it is tried again, or until it has a new leader.
func (p *partition) backOff() {
	d := min(lastBackoff, firstBackoff<<min(p.failures, 10))
	d = time.Duration(float64(d) * (0.8 + 0.4*rand.Float64()))
	p.failures++
	p.waits.Store(true)
	p.timer = time.AfterFunc(d, p.retry)
}

func (p *partition) retry() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.endBackoff()
}

func (p *partition) endBackoff() {
	if p.waits.Load() {
		p.timer.Stop()
		p.waits.Store(false)
		p.advance()
	}
}

// lead sets the leader. A partition that waited for a better one need not wait longer.
func (p *partition) lead(leader int32) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leader.Swap(leader) != leader && leader >= 0 {
		p.endBackoff()
	}
	p.advance()
}
