// Package sentimentwindow is the processor `sentiment_window`: it decodes tweets,
// counts them by window, brand and sentiment, and gives every point its own timestamp,
// so that InfluxDB stores all of them and a replay rewrites the same points.
//
// A processor cannot delay an acknowledgement: Benthos acknowledges a message that it
// keeps back at once. So each batch is folded within one call, and nothing is kept
// between calls.
package sentimentwindow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Name is the name of the processor in YAML.
const Name = "sentiment_window"

// Register adds the processor to an environment under a name.
func Register(env *service.Environment, name string) error {
	return env.RegisterBatchProcessor(name, spec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (service.BatchProcessor, error) {
			conf, err := configFrom(parsed)
			if err != nil {
				return nil, err
			}
			p, err := newProcessor(conf, mgr.Logger(), mgr.Metrics())
			if err != nil {
				return nil, err
			}
			p.spans.log.Info(conf.slotsText(p.spans.laws))
			return p, nil
		})
}

func init() {
	if err := Register(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

// processor is shared by all threads of a pipeline. Its mutable state is atomic, guarded
// by a mutex, or in folders, which belong to one call at a time.
type processor struct {
	conf    config
	decoder decoder
	metrics *processorMetrics
	folders sync.Pool
	spans   *spans

	// topic is the topic that this process counts. With identity: timestamp it is not
	// part of a point's key, so points of a second topic would replace its points.
	topic atomic.Pointer[string]

	notes     *notes
	early     earlyNotes
	beginning *beginning
	skew      *brandSkew

	// sequence replaces the offset of messages that do not come from Kafka. It starts at
	// the current time, so that a restart does not repeat positions.
	sequence atomic.Int64
}

// newProcessor expects a checked configuration.
func newProcessor(conf config, log *service.Logger, metrics *service.Metrics) (*processor, error) {
	log = log.With(logComponent, Name)
	l, err := conf.laws()
	if err != nil {
		return nil, err
	}
	made := newProcessorMetrics(metrics)
	decode, err := newDecoder(conf, log, newSchemaMetrics(metrics, made.postponed))
	if err != nil {
		return nil, err
	}
	p := &processor{conf: conf, decoder: decode, metrics: made, notes: newNotes(log)}
	p.early = earlyNotes{log: log, field: earlyField(&conf), lines: loglimit.Limiter{Period: earlyPeriod}}
	p.beginning = &beginning{conf: &p.conf, log: log, metric: p.metrics.nothingCounted}
	p.beginning.metric.Set(0)
	p.skew = newBrandSkew(func(brand string, share float64) { made.brandSkew.SetFloat64(share, brand) })
	p.spans = newSpans(&p.conf, l, log, p.metrics.slotsUsed)
	p.folders.New = func() any { return newFolder(&p.conf, l, p.spans) }
	p.sequence.Store(time.Now().UnixNano())
	return p, nil
}

// ProcessBatch returns one batch: the points, then the dead letters, which are unchanged
// except for their error and metadata. It returns no batch if there are no results, as
// for a record batch without records and without a coverage point, or one that its
// input redelivers. It fails only if the context ends.
func (p *processor) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	f := p.folders.Get().(*folder)
	defer func() {
		f.reset()
		p.folders.Put(f)
	}()
	f.payer, f.reserved = payerOf(batch), 0
	var err error
	if p.conf.message == contract.RecordBatch {
		err = p.countBatches(ctx, f, batch)
	} else {
		err = p.countRecords(ctx, f, batch)
	}
	if err != nil {
		return nil, err
	}
	out := f.messages()
	p.metrics.add(&f.tally)
	p.report(&f.tally.refused)
	now := time.Now()
	p.early.note(&f.tally.early, now)
	p.skew.add(f.groups, now)
	p.beginning.learn(f, batch)
	if len(out) == 0 {
		return nil, nil
	}
	return []service.MessageBatch{out}, nil
}

// countRecords counts messages that are a record each. It fails only if the context
// ends.
//
// If a message is postponed, so are all messages of its delivery: the input redelivers
// them together, and points of some of them would differ from those of all. So the
// batch is counted again without them.
func (p *processor) countRecords(ctx context.Context, f *folder, batch service.MessageBatch) error {
	for len(batch) > 0 {
		postponed, err := p.tryRecords(ctx, f, batch)
		if postponed == nil {
			return err
		}
		f.takeBack()
		f.reset()
		batch = slices.DeleteFunc(slices.Clone(batch), func(m *service.Message) bool { return delivery.Of(m.Context()) == postponed })
	}
	return nil
}

// tryRecords counts messages up to the first that is postponed, and returns its
// delivery.
func (p *processor) tryRecords(ctx context.Context, f *folder, batch service.MessageBatch) (postponed *delivery.Delivery, err error) {
	var with deliveryContext
	next := p.sequence.Add(int64(len(batch))) - int64(len(batch))
	before := contract.Position{Offset: -1} // the last genuine position
	for i, m := range batch {
		if i%recordsPerReservation == 0 {
			if postponed, err := p.reserveFor(ctx, f, m); postponed != nil || err != nil {
				return postponed, err
			}
		}
		o, inKafka, err := positionOf(m)
		if !inKafka {
			o.Offset = next + int64(i)
		}
		reason := contract.ReasonOrigin
		if err == nil {
			before = o
			reason, err = p.countRecord(with.of(ctx, &p.decoder, m), f, m, o, inKafka, len(batch))
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, errFiltered):
			f.tally.filtered++
			continue
		case errors.Is(err, errPostponed):
			return with.delivery, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		after := int64(-1)
		if before.Topic == o.Topic && before.Partition == o.Partition {
			after = before.Offset
		}
		at := place{Position: o, inKafka: inKafka, after: after}
		if p.turnAway(m, at, err) {
			continue
		}
		f.letters += markBytes
		p.refuse(f, m, at, reason, err)
	}
	return p.reserveFor(ctx, f, batch[len(batch)-1])
}

// reserveFor is reserve for messages that are redelivered together. It returns the
// delivery if it is postponed.
func (p *processor) reserveFor(ctx context.Context, f *folder, m *service.Message) (postponed *delivery.Delivery, err error) {
	if err = p.reserve(ctx, f, m); errors.Is(err, errPostponed) {
		return delivery.Of(m.Context()), nil
	}
	return nil, err
}

// deliveryContext is the context for a decoder that may wait, with the Delivery of
// the message. Messages of one delivery share it.
type deliveryContext struct {
	context.Context
	delivery *delivery.Delivery
}

func (c *deliveryContext) of(ctx context.Context, d *decoder, m *service.Message) context.Context {
	if d.schemas == nil {
		return ctx
	}
	if of := delivery.Of(m.Context()); c.Context == nil || of != c.delivery {
		c.Context, c.delivery = of.In(ctx), of
	}
	return c.Context
}

// countRecord decodes and counts one of a number of messages. With an error, reason is
// one of contract.DeadReasons.
func (p *processor) countRecord(ctx context.Context, f *folder, m *service.Message, o contract.Position, inKafka bool, of int) (reason string, err error) {
	if err := m.GetError(); err != nil {
		return contract.ReasonFailedBefore, err
	}
	if err := checkRecord(m); err != nil {
		return contract.ReasonBatch, err
	}
	g, opened := f.groupOf(o, inKafka)
	if opened {
		g.room = of * bytesPerTweetLine / len(f.groups)
		g.delivery = delivery.Of(m.Context())
		if g.err == nil && inKafka {
			g.err = p.checkTopic(g.delivery, o.Topic)
		}
	}
	if g.err != nil {
		return contract.ReasonOrigin, g.err
	}
	if err := p.decoder.decodeMessage(ctx, m, &f.tweet); err != nil {
		return contract.ReasonUndecodable, err
	}
	if reason, err := p.checkBounds(m, &f.tweet); err != nil {
		return reason, err
	}
	if err := f.add(g, o.Offset, &f.tweet); err != nil {
		return contract.ReasonUnstorable, err
	}
	return "", nil
}

// checkBounds returns an error if the timestamp of a message's tweet is out of bounds.
func (p *processor) checkBounds(m *service.Message, t *tweet.Tweet) (reason string, err error) {
	b := p.conf.bounds
	if b == nil {
		return "", nil
	}
	record := int64(-1)
	if b.relative() {
		if record, err = recordMillis(m); err != nil {
			return contract.ReasonOrigin, err
		}
	}
	return contract.ReasonOutOfBounds, b.check(t.Millis, record)
}

// Close ends requests to the schema registry. Nothing else outlives a batch.
func (p *processor) Close(context.Context) error {
	if p.decoder.schemas != nil {
		p.decoder.schemas.close()
	}
	return nil
}

var _ service.BatchProcessor = (*processor)(nil)
