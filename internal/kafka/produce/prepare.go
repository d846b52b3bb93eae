package produce

import (
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// tools are the state of codecs. There are as many as processors, since batches are
// prepared by no more goroutines than that at a time: some codecs need megabytes.
type tools struct {
	conf         *Config
	compressors  [recordbatch.Zstd + 1]*recordbatch.Compressor
	decompressor *recordbatch.Decompressor
	producible   *recordbatch.Producible
}

func (t *tools) compressor(codec recordbatch.Codec) (*recordbatch.Compressor, error) {
	if t.compressors[codec] == nil {
		level := recordbatch.DefaultLevel
		if codec == t.conf.Codec {
			level = t.conf.Level
		}
		c, err := recordbatch.NewCompressor(codec, level)
		if err != nil {
			return nil, err
		}
		t.compressors[codec] = c
	}
	return t.compressors[codec], nil
}

func (t *tools) reader(b *batch) (recordbatch.Reader, error) {
	if t.decompressor == nil {
		t.decompressor = recordbatch.NewDecompressor(max(t.conf.MaxDecompressedBytes, requestLimit))
	}
	return t.decompressor.Reader(b.buf.bytes)
}

// schedule lets a worker prepare the head of a partition. partition.mu must be held.
func (p *Producer) schedule(part *partition) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	p.jobs = append(p.jobs, part)
	if p.workers < cap(p.tools) && p.goLocked(p.work) {
		p.workers++
	}
	return true
}

func (p *Producer) work() {
	for {
		p.mu.Lock()
		if len(p.jobs) == 0 || p.closed {
			p.workers--
			p.mu.Unlock()
			return
		}
		part := p.jobs[0]
		p.jobs = p.jobs[1:]
		p.mu.Unlock()
		part.prepareNext()
	}
}

// prepareNext prepares the batch that is sent next: the open one, since its turn has come,
// or one that must be sent without some of its records or in parts.
func (p *partition) prepareNext() {
	p.mu.Lock()
	p.job = false
	var b *batch
	switch {
	case p.inFlight || p.waits.Load():
	case len(p.queue) == 0:
		b = p.sealOpen()
	case p.queue[0].state == ready && p.queue[0].unclean():
		b = p.queue[0]
		b.state = preparing
	}
	p.mu.Unlock()
	if b != nil {
		p.prepare(b)
	}
}

// prepare makes b, whose state is preparing, into what is sent.
func (p *partition) prepare(b *batch) {
	t := <-p.producer.tools
	err := p.finish(t, b)
	var d *division
	if err == nil {
		d, err = p.divide(t, b)
	}
	p.producer.tools <- t

	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		b.refuse(&RefusedError{Kind: kindUnreadable, Topic: p.topic.name, Partition: p.index,
			text: fmt.Sprintf("preparing a batch for partition %d of the topic %s: %v", p.index, p.topic.name, err)})
	case d != nil:
		p.replace(b, d)
	}
	b.state = ready
	p.sweep()
	p.advance()
}

// finish ends a batch that was open, compressed unless it must be divided.
func (p *partition) finish(t *tools, b *batch) error {
	if b.builder.Records() == 0 {
		return nil // it was not open
	}
	bytes, err := b.builder.Finish()
	b.builder = recordbatch.Builder{}
	b.buf.bytes = bytes
	if err != nil {
		return err
	}
	p.mu.Lock()
	unclean := b.unclean()
	p.mu.Unlock()
	if unclean {
		return nil
	}
	b.buf, err = p.compress(t, b.buf, p.producer.conf.Codec)
	return err
}

// compress returns a buffer with the batch in plain compressed, and puts plain back. It
// returns plain if the records do not compress and their codec's framing would exceed
// MaxBatchBytes, up to which a topic may accept batches.
func (p *partition) compress(t *tools, plain *buffer, codec recordbatch.Codec) (*buffer, error) {
	if codec == recordbatch.None {
		return plain, nil
	}
	c, err := t.compressor(codec)
	if err != nil {
		return plain, err
	}
	const frames = 1 << 10
	out := p.producer.buffers.get(len(plain.bytes) + frames)
	if out.bytes, err = c.AppendCompressed(out.bytes, plain.bytes); err != nil {
		return plain, err
	}
	if len(out.bytes) > max(len(plain.bytes), p.producer.conf.MaxBatchBytes) {
		p.producer.buffers.put(out)
		return plain, nil
	}
	p.producer.buffers.put(plain)
	return out, nil
}

// whole makes a batch of a message into one to send: one that is ready is not copied.
func (p *Producer) whole(message []byte, sealed bool) (*batch, error) {
	ready := recordbatch.Ready
	if sealed {
		ready = recordbatch.ReadySealed
	}
	h, ok := ready(message)
	if ok {
		return wholeBatch(&buffer{bytes: message, borrowed: true}, h), nil
	}
	t := <-p.tools
	defer func() { p.tools <- t }()
	if t.producible == nil {
		t.producible = recordbatch.NewProducible(p.conf.MaxDecompressedBytes)
	}
	buf := p.buffers.get(len(message))
	bytes, err := t.producible.Append(buf.bytes, message)
	if err != nil {
		p.buffers.put(buf)
		return nil, err
	}
	buf.bytes = bytes
	return wholeBatch(buf, h), nil
}

func wholeBatch(buf *buffer, h recordbatch.Header) *batch {
	return &batch{buf: buf, plain: len(buf.bytes), records: h.Records, whole: true, state: ready}
}
