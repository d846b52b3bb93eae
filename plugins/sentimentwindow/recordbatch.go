package sentimentwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// maxDeadRecords is how many messages the broken records of one batch may
// become. A batch of a megabyte can hold 150,000 empty records, and a message
// is a hundred times as large as one of these.
const maxDeadRecords = 1 << 16

// brokenRecord is one that cannot be counted, and why.
type brokenRecord struct {
	recordbatch.Record
	reason string
	err    error
}

// countBatches counts messages that are a whole record batch each, and leaves out
// those that their input redelivers. It fails only when the context ends.
func (p *processor) countBatches(ctx context.Context, f *folder, batch service.MessageBatch) error {
	var with deliveryContext
	for _, m := range batch {
		o, err := batchOriginOf(m)
		reason := reasonOrigin
		if err == nil {
			reason, err = p.countBatch(with.of(ctx, &p.decoder, m), f, m, &o)
		}
		if err == nil || errors.Is(err, errPostponed) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, errOver) {
			m.SetBytes(nil)
		}
		if p.turnAway(m, o.place(), err) {
			continue
		}
		p.refuse(f, m, o.place(), reason, err)
		p.beginning.lost(max(0, o.records-1), reason, err)
	}
	return nil
}

// countBatch counts the records of one batch. With an error nothing of it is
// counted, and the error comes with a reason from the fixed list of the metric.
func (p *processor) countBatch(ctx context.Context, f *folder, m *service.Message, o *batchOrigin) (reason string, err error) {
	if err := m.GetError(); err != nil {
		return reasonFailed, err
	}
	b, err := m.AsBytes()
	if err != nil {
		return reasonBatch, err
	}
	checked := recordbatch.CheckedOf(m.Context(), b)
	if checked.Over() {
		return reasonBatch, errOver
	}
	r, err := p.readerOf(b, checked != nil)
	if err != nil {
		return reasonBatch, err
	}
	h := r.Header()
	if err := o.agree(h); err != nil {
		return reasonOrigin, err
	}

	g := f.open(o.origin, true)
	g.delivery = delivery.Of(m.Context())
	if g.err == nil {
		g.err = p.checkTopic(g.delivery, o.topic)
	}
	if err := g.err; err != nil {
		f.drop()
		return reasonOrigin, err
	}
	// The count in the header is the producer's word; the bytes are there.
	g.room = min(int(h.Records)*bytesPerTweetLine, 2*len(b))
	newest, broken, err := p.countAll(ctx, f, g, &r)
	if checked.Over() {
		err = errOver
	}
	if err != nil {
		f.drop()
		f.forgetBroken()
		return reasonBatch, err
	}
	if h.Records == 0 {
		newest = h.MaxTimestamp
	}
	g.last = o.last
	if f.conf.coverage != "" {
		slot, err := f.laws.coverage.Slot(o.offset, o.partition)
		if err != nil {
			f.drop()
			f.forgetBroken()
			return reasonOrigin, err
		}
		g.covers = true
		g.coverage = coverage{
			partition: o.partition, base: o.offset, last: o.last, records: int64(h.Records),
			counted: g.tweets(), undecodable: broken,
			nanos: f.laws.coverage.FloorNearest(newest) + slot,
		}
	}
	f.tally.batches++
	p.refuseBroken(f, m, o, broken)
	return "", nil
}

// errOver is for a message that was kept after its acknowledgement. Its bytes are
// those of another batch by now.
var errOver = errors.New("kafka_batches has put another batch into its memory, since it was acknowledged before it came here: take out what keeps acknowledged messages without a copy, or set reuse_memory: false")

// readerOf begins to read the bytes of a message. Their CRC, unless it is known to
// be right, is made as they are read where a record costs nothing but its decoding;
// others may wait for a schema, which wrong bytes must not.
func (p *processor) readerOf(b []byte, checked bool) (r recordbatch.Reader, err error) {
	switch {
	case checked:
		r, err = recordbatch.NewReader(b)
	case p.decoder.plain:
		r, err = recordbatch.NewCheckingReader(b)
	default:
		if _, err = recordbatch.Check(b); err == nil {
			r, err = recordbatch.NewReader(b)
		}
	}
	switch {
	case errors.Is(err, recordbatch.ErrCompressed):
		return r, fmt.Errorf("%w: %s", err, wantUncompressed)
	case err != nil:
		return r, fmt.Errorf("reading its bytes as a record batch: %w: %s", err, wantUnchanged)
	case r.Header().Control():
		return r, errors.New("it is a control batch, which marks a transaction and holds no tweets: leave it out, as kafka_batches does")
	}
	return r, nil
}

// What to do about a message that is not what it should be.
const (
	wantUncompressed = "give it uncompressed, as kafka_batches does"
	wantUnchanged    = "let no processor change what kafka_batches gives"
)

// countAll counts the records that r gives. newest is the largest of their
// timestamps, in milliseconds; broken is how many could not be counted.
func (p *processor) countAll(ctx context.Context, f *folder, g *group, r *recordbatch.Reader) (newest, broken int64, err error) {
	var rec recordbatch.Record
	var t tweet.Tweet
	for first := true; r.Next(&rec); first = false {
		if first || rec.Timestamp > newest {
			newest = rec.Timestamp
		}
		reason := reasonUndecodable
		var err error
		if p.decoder.plain {
			// A call through a function value would put both variables on the
			// heap, and costs what a call costs.
			err = plainAvro(rec.Value, &t)
		} else if err = p.decoder.decodeRecord(ctx, &g.first, &rec, &f.tweet); err == nil {
			t = f.tweet
		}
		if err == nil {
			reason, err = reasonUnstorable, f.add(g, rec.Offset, &t)
		}
		if err == nil {
			continue
		}
		if errors.Is(err, errPostponed) {
			return 0, 0, err
		}
		if ctx.Err() != nil {
			return 0, 0, ctx.Err()
		}
		broken++
		if len(f.broken) < maxDeadRecords {
			// It may be kept for longer than the batch that it lies in, and must
			// not keep all of that.
			rec.Key, rec.Value = bytes.Clone(rec.Key), bytes.Clone(rec.Value)
			f.broken = append(f.broken, brokenRecord{rec, reason, err})
		}
	}
	if err := r.Err(); err != nil {
		return 0, 0, fmt.Errorf("reading its bytes as a record batch: %w: %s", err, wantUnchanged)
	}
	return newest, broken, nil
}

// refuseBroken makes a message of each record of a batch that could not be
// counted. Where these are too many, the batch itself is refused, once: its
// other records count all the same.
func (p *processor) refuseBroken(f *folder, m *service.Message, o *batchOrigin, broken int64) {
	defer f.forgetBroken()
	if broken > maxDeadRecords {
		first := &f.broken[0]
		p.refuse(f, m, o.place(), first.reason, fmt.Errorf("%d of its %d records, the first at offset %d: %w",
			broken, o.records, first.Offset, first.err))
		p.metrics.refused.Incr(broken-1, first.reason)
		p.beginning.lost(broken-1, first.reason, first.err)
		return
	}
	for i := range f.broken {
		b := &f.broken[i]
		at := o.origin
		at.offset = b.Offset
		p.refuse(f, recordMessage(&at, &b.Record), place{origin: at, inKafka: true, after: -1}, b.reason, b.err)
	}
}

func (f *folder) forgetBroken() {
	clear(f.broken)
	f.broken = f.broken[:0]
}

// recordMessage is a record of a batch as a message of its own, as the redpanda
// input would make it, but for its headers: in metadata they could pass for
// anything.
func recordMessage(o *origin, rec *recordbatch.Record) *service.Message {
	m := service.NewMessage(rec.Value)
	m.MetaSetMut(metaTopic, o.topic)
	m.MetaSetMut(metaPartition, int(o.partition))
	m.MetaSetMut(metaOffset, int(rec.Offset))
	m.MetaSetMut(metaKey, rec.Key)
	m.MetaSetMut(metaSeconds, time.UnixMilli(rec.Timestamp).Unix())
	m.MetaSetMut(metaMillis, rec.Timestamp)
	m.MetaSetMut(metaTombstone, rec.Value == nil)
	return m
}
