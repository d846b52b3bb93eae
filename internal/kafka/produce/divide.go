package produce

import (
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// division is what a batch is replaced by: none, one or two others.
type division struct {
	keep  []bool // which records of the batch the parts have
	parts []*batch
}

// divide makes new batches of those records of b that have a call, in two halves if the
// broker found it too large. It returns nil if nothing is wrong with b.
func (p *partition) divide(t *tools, b *batch) (*division, error) {
	keep, kept, verify := p.keepOf(b)
	switch {
	case verify:
		return nil, p.verify(t, b)
	case keep == nil:
		return nil, nil
	}
	first := kept
	if b.halve {
		first = (kept + 1) / 2
	}
	bodies, codec, err := p.copies(t, b, keep, first)
	if err != nil {
		return nil, err
	}
	d := &division{keep: keep}
	for _, body := range bodies {
		part := &batch{state: ready, whole: b.whole, part: b.whole, plain: len(body.bytes), records: first}
		if part.buf, err = p.compress(t, body, codec); err != nil {
			return nil, err
		}
		d.parts = append(d.parts, part)
		first = kept - first
	}
	return d, nil
}

// keepOf returns which records of a batch have a call, and how many, if it must be divided.
func (p *partition) keepOf(b *batch) (keep []bool, kept int32, verify bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if b.verify || !b.unclean() {
		return nil, 0, b.verify
	}
	keep = make([]bool, 0, b.records)
	for i := range b.runs {
		r := &b.runs[i]
		for range r.records {
			keep = append(keep, r.call != nil)
		}
		if r.call != nil {
			kept += r.records
		}
	}
	return keep, kept, false
}

// replace puts the parts of b in its place.
func (p *partition) replace(b *batch, d *division) {
	i := slices.Index(p.queue, b)
	if i < 0 {
		return
	}
	// Calls may have left while the parts were made. Their records are in a part all the
	// same, which is then divided once more.
	share(b, d.keep, d.parts)
	p.queue = slices.Replace(p.queue, i, i+1, d.parts...)
	p.producer.buffers.put(b.buf)
	b.buf = nil
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
		bodies = append(bodies, &buffer{bytes: bytes})
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

// share gives the runs of b to its parts.
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
