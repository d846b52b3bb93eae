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

// verify reads all records of a batch that a broker does not accept.
func (p *partition) verify(t *tools, b *batch) error {
	reader, err := t.reader(b)
	if err == nil {
		var rec recordbatch.Record
		for reader.Next(&rec) {
		}
		err = reader.Err()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b.verify, b.verified = false, true
	return err
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
	var parts []*batch
	if err == nil {
		parts, err = p.divide(t, b)
	}
	p.producer.tools <- t

	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		b.refuse(fmt.Errorf("preparing a batch for partition %d of the topic %s: %w", p.index, p.topic.name, err))
		p.producer.conf.Observer.Refused("prepare", int(b.records))
	case len(parts) != 1 || parts[0] != b:
		p.replace(b, parts...)
	}
	b.state = ready
	p.sweep()
	p.advance()
}

// finish ends a batch that was open, compressed unless it must be divided.
func (p *partition) finish(t *tools, b *batch) error {
	if b.plain == 0 || b.builder.Records() == 0 {
		return nil
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

// compress returns a buffer with the batch in plain compressed, and puts plain back.
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
	p.producer.buffers.put(plain)
	return out, nil
}

// divide returns b itself if nothing is wrong with it, else new batches: of those records
// that have a call, in two halves if the broker found it too large.
func (p *partition) divide(t *tools, b *batch) ([]*batch, error) {
	p.mu.Lock()
	if !b.unclean() {
		p.mu.Unlock()
		return []*batch{b}, nil
	}
	if b.verify {
		p.mu.Unlock()
		return []*batch{b}, p.verify(t, b)
	}
	// From here on withdrawn is about records that are withdrawn meanwhile.
	b.withdrawn = false
	var kept int32
	keep := make([]bool, 0, b.records)
	for i := range b.runs {
		r := &b.runs[i]
		for range r.records {
			keep = append(keep, r.call != nil)
		}
		if r.call != nil {
			kept += r.records
		}
	}
	p.mu.Unlock()

	first := kept
	if b.halve {
		first = (kept + 1) / 2
	}
	bodies, codec, err := p.copies(t, b, keep, first)
	if err != nil {
		return nil, err
	}
	parts := make([]*batch, 0, len(bodies))
	for _, body := range bodies {
		part := &batch{state: ready, whole: b.whole, plain: len(body.bytes), records: first}
		if part.buf, err = p.compress(t, body, codec); err != nil {
			return nil, err
		}
		parts = append(parts, part)
		first = kept - first
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.producer.buffers.put(b.buf)
	b.buf = nil
	share(b, keep, parts)
	return parts, nil
}

// copies returns the records of b to keep: the first ones in one batch, the others in
// another.
func (p *partition) copies(t *tools, b *batch, keep []bool, first int32) (bodies []*buffer, codec recordbatch.Codec, err error) {
	codec = p.producer.conf.Codec
	if b.whole {
		h, err := recordbatch.ParseHeader(b.buf.bytes)
		if err != nil {
			return nil, 0, err
		}
		codec = h.Codec()
	}
	reader, err := t.reader(b)
	if err != nil {
		return nil, 0, err
	}
	var builder recordbatch.Builder
	finish := func() error {
		if builder.Records() == 0 {
			return nil
		}
		bytes, err := builder.Finish()
		bodies = append(bodies, &buffer{bytes})
		return err
	}
	begin := func() { builder.Begin(p.producer.buffers.get(b.plain / 2).bytes) }
	begin()
	var rec recordbatch.Record
	for i := 0; reader.Next(&rec); i++ {
		if i >= len(keep) || !keep[i] {
			continue
		}
		if int32(builder.Records()) == first && len(bodies) == 0 {
			if err := finish(); err != nil {
				return nil, 0, err
			}
			begin()
		}
		builder.Append(&rec)
	}
	if err := reader.Err(); err != nil {
		return nil, 0, err
	}
	return bodies, codec, finish()
}

// share gives the runs of b to its parts. A record that was withdrawn while they were made
// has no call there, and its part is prepared once more.
func share(b *batch, keep []bool, parts []*batch) {
	if len(parts) == 0 {
		return
	}
	at, place, room := 0, 0, parts[0].records
	for _, r := range b.runs {
		for i := range r.records {
			kept := keep[at]
			at++
			if !kept {
				continue
			}
			if room == 0 {
				place++
				room = parts[place].records
			}
			room--
			part := parts[place]
			part.withdrawn = part.withdrawn || r.call == nil
			part.add(r, i)
		}
	}
}

// add adds record i of a run of another batch.
func (b *batch) add(r run, i int32) {
	if !b.whole {
		b.runs = appendRun(b.runs, r.call, r.first+i)
		return
	}
	if n := len(b.runs); n > 0 && b.runs[n-1].call == r.call && b.runs[n-1].first == r.first {
		b.runs[n-1].records++
		return
	}
	b.runs = append(b.runs, run{r.call, r.first, 1})
}

// whole makes a batch of a message into one to send.
func (p *Producer) whole(message []byte) (*batch, error) {
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
	h, err := recordbatch.ParseHeader(bytes)
	if err != nil {
		return nil, err
	}
	return &batch{buf: buf, plain: len(bytes), records: h.Records, whole: true, state: ready}, nil
}
