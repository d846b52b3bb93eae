package sentimentwindow

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// maxDeadRecords bounds the dead letters of one batch. A batch of a megabyte can hold
// 150,000 empty records, and a message takes a hundred times as much memory as one.
const maxDeadRecords = 1 << 13

// brokenRecord is a record that cannot be counted, with the reason. Its slices alias
// the batch.
type brokenRecord struct {
	recordbatch.Record
	reason string
	text   string
}

// countBatches counts messages that are a whole record batch each. It skips those that
// their input redelivers. It fails only if the context ends.
func (p *processor) countBatches(ctx context.Context, f *folder, batch service.MessageBatch) error {
	var with deliveryContext
	for _, m := range batch {
		o, err := batchOriginOf(m)
		reason := contract.ReasonOrigin
		if err == nil {
			reason, err = p.countBatch(with.of(ctx, &p.decoder, m), f, m, &o)
		}
		if err == nil || errors.Is(err, errPostponed) {
			continue
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if errors.Is(err, recordbatch.ErrTooLarge) && p.postpone(m, o.place(), postponedTooLarge, err) {
			continue
		}
		if p.turnAway(m, o.place(), err) {
			continue
		}
		p.refuse(f, m, o.place(), reason, err)
		f.tally.refused.records += max(0, o.records-1)
	}
	return nil
}

// countBatch counts the records of one batch. With an error none of them is counted;
// reason is one of contract.DeadReasons.
func (p *processor) countBatch(ctx context.Context, f *folder, m *service.Message, o *batchOrigin) (reason string, err error) {
	if err := m.GetError(); err != nil {
		return contract.ReasonFailedBefore, err
	}
	b, err := m.AsBytes()
	if err != nil {
		return contract.ReasonBatch, err
	}
	r, err := p.readerOf(f, b)
	if err != nil {
		return contract.ReasonBatch, err
	}
	h := r.Header()
	if err := o.agree(h); err != nil {
		return contract.ReasonOrigin, err
	}

	g := f.open(o.Position, true)
	g.delivery = delivery.Of(m.Context())
	if g.err == nil {
		g.err = p.checkTopic(g.delivery, o.Topic)
	}
	if err := g.err; err != nil {
		f.drop()
		return contract.ReasonOrigin, err
	}
	defer f.forgetBroken()
	before := f.letters
	withdraw := func() {
		f.drop()
		f.letters = before
	}
	// The number of records in the header may be wrong; the number of bytes is not.
	g.room = min(int(h.Records)*bytesPerTweetLine, 2*r.Len())
	seen, err := p.countAll(ctx, f, g, m, &r)
	if err != nil {
		withdraw()
		return contract.ReasonBatch, err
	}
	if h.Records == 0 {
		seen.newest = h.MaxTimestamp
	}
	g.last = o.last
	if f.conf.coverage != "" {
		slot, err := f.laws.coverage.Slot(o.Offset, o.Partition)
		if err != nil {
			withdraw()
			return contract.ReasonOrigin, err
		}
		g.covers = true
		g.coverage = coverage{
			partition: o.Partition, base: o.Offset, last: o.last, records: int64(h.Records),
			counted: g.tweets(), undecodable: seen.broken, filtered: seen.filtered,
			nanos: f.laws.coverage.FloorNearest(seen.newest) + slot,
		}
	}
	f.tally.batches++
	f.tally.filtered += seen.filtered
	p.refuseBroken(f, m, o, seen.broken)
	return "", nil
}

// readerOf returns a reader of a record batch, compressed or not. The CRC is checked
// before any record can wait for a schema: corrupt bytes must not wait.
func (p *processor) readerOf(f *folder, b []byte) (r recordbatch.Reader, err error) {
	if !p.decoder.plain {
		if _, err = recordbatch.Check(b); err == nil {
			r, err = f.decompressor.Reader(b)
		}
	} else {
		r, err = f.decompressor.CheckingReader(b)
	}
	switch {
	case errors.Is(err, recordbatch.ErrTooLarge):
		return r, fmt.Errorf("%w: raise `%s`", err, fieldMaxBatchBytes)
	case err != nil:
		return r, fmt.Errorf("reading its bytes as a record batch: %w: %s", err, wantUnchanged)
	case r.Header().Control():
		return r, errors.New("it is a control batch, which ends a transaction and contains no tweets: skip it, as kafka_batches does")
	}
	return r, nil
}

// wantUnchanged is the advice about a message that does not match its metadata.
const wantUnchanged = "processors must not change the messages of kafka_batches"

// seen is what a batch contains besides tweets.
type seen struct {
	newest   int64 // latest timestamp in Kafka, ms since the Unix epoch
	broken   int64 // records that cannot be counted
	filtered int64 // records that the mapping deletes
}

// countAll counts the records of r, which are those of the message m.
func (p *processor) countAll(ctx context.Context, f *folder, g *group, m *service.Message, r *recordbatch.Reader) (seen seen, err error) {
	var rec recordbatch.Record
	var t tweet.Tweet
	before := f.letters
	for n := 0; r.Next(&rec); n++ {
		if n == 0 || rec.Timestamp > seen.newest {
			seen.newest = rec.Timestamp
		}
		if n%recordsPerReservation == recordsPerReservation-1 {
			if err := p.reserve(ctx, f, m); err != nil {
				return seen, err
			}
		}
		reason := contract.ReasonUndecodable
		var err error
		if p.decoder.plain {
			// A call through a function value would move both variables to the heap,
			// and cannot be inlined.
			err = plainAvro(rec.Value, &t)
		} else if err = p.decoder.decodeRecord(ctx, &g.first, &rec, &f.tweet); err == nil {
			t = f.tweet
		}
		if err == nil && p.conf.bounds != nil {
			reason, err = contract.ReasonOutOfBounds, p.conf.bounds.check(t.Millis, rec.Timestamp)
		}
		if err == nil {
			reason, err = contract.ReasonUnstorable, f.add(g, rec.Offset, &t)
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, errFiltered):
			seen.filtered++
			continue
		case errors.Is(err, errPostponed):
			return seen, err
		case ctx.Err() != nil:
			return seen, ctx.Err()
		}
		if seen.broken++; seen.broken > maxDeadRecords {
			f.letters = before + letterBytes + int64(r.Header().Size())
			continue
		}
		text := brief(err.Error(), maxErrorBytes)
		f.broken = append(f.broken, brokenRecord{rec, reason, text})
		f.letters += letterBytes + int64(len(rec.Key)+len(rec.Value)+len(text)+min(2*len(rec.Headers), maxCarriedHeaders))
	}
	if err := r.Err(); err != nil {
		return seen, fmt.Errorf("reading its bytes as a record batch: %w: %s", err, wantUnchanged)
	}
	return seen, p.reserve(ctx, f, m)
}

// refuseBroken makes a dead letter of each record of a batch that could not be counted.
// If there are too many, one dead letter with the whole batch replaces them; the other
// records still count.
func (p *processor) refuseBroken(f *folder, m *service.Message, o *batchOrigin, broken int64) {
	if broken > maxDeadRecords {
		first := &f.broken[0]
		p.refuse(f, m, o.place(), first.reason, fmt.Errorf("%d of its %d records cannot be counted, the first at offset %d: %s",
			broken, o.records, first.Offset, first.text))
		f.tally.refused.messages[first.reason] += broken - 1
		f.tally.refused.records += broken - 1
		return
	}
	for i := range f.broken {
		b := &f.broken[i]
		// The memory of the batch is reused, and a slice would retain all of it.
		b.Key, b.Value = bytes.Clone(b.Key), bytes.Clone(b.Value)
		at := o.Position
		at.Offset = b.Offset
		p.refuse(f, recordMessage(&at, &b.Record), place{Position: at, inKafka: true, after: -1, record: &b.Record}, b.reason, errors.New(b.text))
	}
}

func (f *folder) forgetBroken() {
	clear(f.broken)
	f.broken = f.broken[:0]
	if cap(f.broken) > maxKept {
		f.broken = nil
	}
}

// recordMessage returns a record of a batch as a message, as the redpanda input would
// make it, but without headers: as metadata they could replace anything.
func recordMessage(o *contract.Position, rec *recordbatch.Record) *service.Message {
	m := service.NewMessage(rec.Value)
	contract.Position{Topic: o.Topic, TopicID: o.TopicID, Partition: o.Partition, Offset: rec.Offset}.Set(m)
	contract.SetRecord(m, rec.Key, rec.Value, rec.Timestamp)
	return m
}
