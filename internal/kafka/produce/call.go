package produce

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Call is one write: records are added, then Wait returns what became of them. Its methods
// are for one goroutine; Wait must be called, once, as the last of them.
type Call struct {
	producer *Producer
	topics   []*Topic
	last     *partition // that was added to
	touched  map[*partition]struct{}
	added    int64
	// open is the number of records without a result. Until Wait has added those of the
	// call, it is at most 0, so that no result looks like the last one.
	open   atomic.Int64
	done   chan struct{}
	stored atomic.Bool // some of its records are acknowledged

	mu       sync.Mutex
	refusals map[int]error
	left     map[int][][]byte // of refused messages
}

// Refusal is a message that Kafka refused for good.
type Refusal struct {
	Message int
	Err     error
	// Left is what is not stored of a whole batch that was sent in parts, as batches; nil if
	// that is all of it.
	Left [][]byte
}

// Unfinished is the error of a call that ended before Kafka answered for all its records.
type Unfinished struct {
	Unsent  int64 // will not be sent
	InDoubt int64 // may have been stored, or be stored later
	Err     error // why the call ended
}

func (u *Unfinished) Error() string {
	return fmt.Sprintf("%d records were not sent, and %d were sent and not acknowledged, so that Kafka may have stored them: %v",
		u.Unsent, u.InDoubt, u.Err)
}

func (u *Unfinished) Unwrap() error { return u.Err }

// Begin begins a call.
func (p *Producer) Begin() *Call {
	p.mu.Lock()
	p.calls++
	p.mu.Unlock()
	return &Call{producer: p, touched: map[*partition]struct{}{}, done: make(chan struct{})}
}

// end ends a call.
func (p *Producer) end(c *Call) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, t := range c.topics {
		t.calls--
		t.used = time.Now()
	}
	if p.calls--; p.calls == 0 && isClosed(p.closing) && !isClosed(p.idle) {
		close(p.idle)
	}
}

// Topic returns a topic, which it waits for until ctx ends. The Topic is valid until Wait
// returns. A *RefusedError means that records for it can never be sent.
func (c *Call) Topic(ctx context.Context, name string) (*Topic, error) {
	for _, t := range c.topics {
		if t.name == name {
			return t, nil
		}
	}
	t, err := c.producer.topic(ctx, name)
	if err == nil {
		c.topics = append(c.topics, t)
	}
	return t, err
}

// Add appends a record of a message to the open batch of a partition. rec is not kept.
func (c *Call) Add(t *Topic, index int32, message int, rec *recordbatch.Record) {
	p := t.partition(index)
	if p == nil {
		c.refuse(message, t.noPartition(index))
		return
	}
	size := recordbatch.MaxRecordSize(len(rec.Key), len(rec.Value), len(rec.Headers))
	if size > requestLimit-recordbatch.HeaderSize {
		c.refuse(message, t.tooLarge(index, size))
		return
	}
	c.touch(p)
	c.added++
	if full := p.add(c, message, size, rec); full != nil {
		p.prepare(full)
	}
}

// AddBatch queues a whole batch as it is compressed, made into one that a producer may
// send. batch must never change: one that is ready is sent from where it is, even after
// Wait has returned with an error. The batch is one message: Kafka refuses it as a whole,
// or, where it was too large and is sent in parts, one of its parts. An error means that
// batch is not one; it is then not part of the call.
func (c *Call) AddBatch(t *Topic, index int32, message int, batch []byte) error {
	return c.addBatch(t, index, message, batch, false, false)
}

// AddSealed is AddBatch for a batch whose CRC this process has just computed: only the
// broker checks it. With acks 0, where nobody would learn of damage, it is checked here.
func (c *Call) AddSealed(t *Topic, index int32, message int, batch []byte) error {
	return c.addBatch(t, index, message, batch, false, c.producer.conf.Acks != 0)
}

// AddLeft queues what is left of a message of AddBatch that an earlier call was refused.
func (c *Call) AddLeft(t *Topic, index int32, message int, left [][]byte) error {
	for _, batch := range left {
		if err := c.addBatch(t, index, message, batch, true, false); err != nil {
			return err
		}
	}
	return nil
}

func (c *Call) addBatch(t *Topic, index int32, message int, batch []byte, part, sealed bool) error {
	p := t.partition(index)
	if p == nil {
		c.refuse(message, t.noPartition(index))
		return nil
	}
	if len(batch) > requestLimit {
		c.refuse(message, t.tooLarge(index, len(batch)))
		return nil
	}
	b, err := c.producer.whole(batch, sealed)
	if err != nil {
		return err
	}
	b.part = part
	b.runs = []run{{call: c, first: int32(message), records: b.records}}
	c.touch(p)
	c.added += int64(b.records)
	if full := p.addBatch(b); full != nil {
		p.prepare(full)
	}
	return nil
}

func (c *Call) touch(p *partition) {
	if p != c.last {
		c.last = p
		c.touched[p] = struct{}{}
	}
}

// Wait waits until Kafka has acknowledged or refused every record, or ctx ends. Records
// that were not sent by then are withdrawn, and the error is an *Unfinished. Refusals are
// in the order of messages, one for each.
func (c *Call) Wait(ctx context.Context) ([]Refusal, error) {
	defer c.producer.end(c)
	for p := range c.touched {
		p.want()
	}
	var err error
	if c.open.Add(c.added) != 0 {
		select {
		case <-c.done:
		case <-ctx.Done():
			err = c.withdraw(context.Cause(ctx))
		case <-c.producer.ctx.Done():
			err = c.withdraw(ErrClosed)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	refusals := make([]Refusal, 0, len(c.refusals))
	for message, err := range c.refusals {
		refusals = append(refusals, Refusal{message, err, c.left[message]})
	}
	slices.SortFunc(refusals, func(a, b Refusal) int { return cmp.Compare(a.Message, b.Message) })
	return refusals, err
}

// Stored reports whether Kafka has acknowledged any record. It may be called by any
// goroutine.
func (c *Call) Stored() bool { return c.stored.Load() }

// withdraw takes the call out of all batches. It returns nil if the last result came first.
func (c *Call) withdraw(cause error) error {
	u := &Unfinished{Err: cause}
	for p := range c.touched {
		unsent, inDoubt := p.withdraw(c)
		u.Unsent += unsent
		u.InDoubt += inDoubt
	}
	if u.Unsent+u.InDoubt == 0 {
		return nil
	}
	return u
}

// resolve counts records that have a result.
func (c *Call) resolve(records int32) {
	if c.open.Add(-int64(records)) == 0 {
		close(c.done)
	}
}

// refuse notes a refusal. The first one of a message counts.
func (c *Call) refuse(message int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refusals == nil {
		c.refusals = map[int]error{}
	}
	if c.refusals[message] == nil {
		c.refusals[message] = err
	}
}

// leave notes a part of a refused message, whose memory is used again.
func (c *Call) leave(message int, part []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.left == nil {
		c.left = map[int][][]byte{}
	}
	c.left[message] = append(c.left[message], bytes.Clone(part))
}
