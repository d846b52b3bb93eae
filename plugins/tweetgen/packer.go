package tweetgen

import (
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// packer makes Kafka's record batches of the tweets of plans, each tweet written once,
// in its place. A worker has its own.
type packer struct {
	generator  *generator
	limit      int                     // bytes of a record batch, before compression
	compressor *recordbatch.Compressor // nil without compression

	builder recordbatch.Builder
	plain   []byte // what is compressed
	packed  []byte
}

func newPacker(g *generator, c *config) (*packer, error) {
	p := &packer{generator: g, limit: c.maxBatchBytes}
	if c.codec == recordbatch.None {
		return p, nil
	}
	var err error
	p.compressor, err = recordbatch.NewCompressor(c.codec, c.level)
	return p, err
}

// pack makes the batch of p. It compresses here, where the records are still in the
// cache of the processor, and not in the output, which copies record batches as they
// are: each is compressed once, and kept compressed until it is acknowledged.
func (p *packer) pack(plan plan, millis int64) *batch {
	b := &batch{plan: plan}
	g := p.generator
	tails := g.tails(millis)
	// Without compression the records are written where they stay.
	into := p.plain[:0]
	if p.compressor == nil {
		into = make([]byte, 0, p.sizeHint(plan))
	}
	p.packed = p.packed[:0]
	p.builder.Begin(into)
	d := g.draw(plan)
	for range plan.size() {
		one := d.next()
		b.contents.add(&one)
		tail := d.tail(&one, &tails, millis)
		size := g.tweetSize(&one, tail)
		if one.flaw == broken {
			size = kept(&one, size)
		}
		key, headers := d.wrapping.key, d.wrapping.headers
		for range one.copies() {
			if p.builder.Records() > 0 && p.builder.Size()+recordbatch.MaxRecordSize(len(key), size, len(headers)) > p.limit {
				into = p.finish(b)
				p.builder.Begin(into)
			}
			dst := p.builder.Open(millis, key, headers, size)
			end := len(dst) + size
			p.builder.Close(g.appendTweet(dst, &one, tail)[:end]) // shorter if it is broken
		}
	}
	into = p.finish(b)
	if p.compressor == nil {
		b.data = into
	} else {
		p.plain = into
		b.data = append([]byte(nil), p.packed...)
	}
	return b
}

// finish ends a record batch and returns the memory of the next.
func (p *packer) finish(b *batch) []byte {
	records := p.builder.Records()
	into, err := p.builder.Finish()
	end := len(into)
	if err == nil && p.compressor != nil {
		p.packed, err = p.compressor.AppendCompressed(p.packed, into)
		end, into = len(p.packed), into[:0]
	}
	if err != nil {
		// Not possible: there are records, of less than the limit of a batch, in memory.
		panic(fmt.Sprintf("%s: finishing a record batch of %d tweets: %v", Name, records, err))
	}
	b.ends = append(b.ends, uint32(end))
	b.records = append(b.records, records)
	return into
}

// sizeHint returns an estimate of the size of p's record batches in bytes.
func (p *packer) sizeHint(plan plan) int {
	size := p.generator.recordsHint(plan)
	return size + (1+size/p.limit)*recordbatch.HeaderSize
}

// recordsHint returns an estimate of the size of p's tweets as records, with their keys
// and headers.
func (g *generator) recordsHint(p plan) int {
	return g.sizeHint(p) + g.withCopies(p.size())*(recordOverhead+g.envelope.maxKeyBytes+len(g.envelope.headers))
}

// recordOverhead is the most that a record of less than 8 KiB has beside its value if
// all have the same time.
const recordOverhead = 2 + 1 + 1 + 3 + 1 + 2 + 1
