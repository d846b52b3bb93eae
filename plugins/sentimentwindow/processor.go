// Package sentimentwindow is the processor `sentiment_window`: it decodes
// tweets, counts them by window, brand and sentiment, and gives every point a
// timestamp of its own, so that InfluxDB stores all of them and a replay writes
// the same ones again.
//
// A processor cannot hold an ack: what it keeps back is acked at once. So each
// batch is folded within one call, and nothing stays behind between calls.
package sentimentwindow

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Name is what the processor is called in YAML.
const Name = "sentiment_window"

// Register adds the processor to an environment under a name.
func Register(env *service.Environment, name string) error {
	return env.RegisterBatchProcessor(name, spec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (service.BatchProcessor, error) {
			conf, err := configFrom(parsed)
			if err != nil {
				return nil, err
			}
			return newProcessor(conf, mgr.Logger(), mgr.Metrics())
		})
}

func init() {
	if err := Register(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

// processor is shared by all threads of a pipeline: what changes is in folders,
// which belong to one call at a time, or atomic.
type processor struct {
	conf    config
	decode  decoder
	metrics *processorMetrics
	folders sync.Pool

	// topic is the one that this process counts. With identity: timestamp it
	// is not in the key of a point, so a second one would replace its points.
	topic atomic.Pointer[string]

	// sequence stands in for the offset of messages that come from elsewhere.
	// It starts at the clock, so that a restart does not begin with the same
	// positions.
	sequence atomic.Int64
}

// newProcessor takes a configuration that has been checked.
func newProcessor(conf config, log *service.Logger, metrics *service.Metrics) (*processor, error) {
	law, err := conf.law()
	if err != nil {
		return nil, err
	}
	decode, err := newDecoder(conf, log)
	if err != nil {
		return nil, err
	}
	p := &processor{conf: conf, decode: decode, metrics: newProcessorMetrics(metrics)}
	p.folders.New = func() any { return newFolder(&p.conf, law) }
	p.sequence.Store(time.Now().UnixNano())
	return p, nil
}

// ProcessBatch gives exactly one batch: the points, then every message that
// could not be counted, unchanged but for its error and the metadata that say
// why and from where. It fails only when the context ends.
func (p *processor) ProcessBatch(ctx context.Context, batch service.MessageBatch) ([]service.MessageBatch, error) {
	f := p.folders.Get().(*folder)
	defer func() {
		f.reset()
		p.folders.Put(f)
	}()
	f.size = len(batch)
	next := p.sequence.Add(int64(len(batch))) - int64(len(batch))

	var (
		refused service.MessageBatch
		counted [tweet.NumSentiments]int64
		t       tweet.Tweet
		before  = origin{offset: -1} // the last genuine position
	)
	for i, m := range batch {
		o, inKafka, err := originOf(m)
		if !inKafka {
			o.offset = next + int64(i)
		}
		reason := reasonOrigin
		if err == nil {
			before = o
			reason, err = p.count(ctx, f, m, o, inKafka, &t)
		}
		if err == nil {
			counted[t.Sentiment]++
			continue
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		after := int64(-1)
		if before.topic == o.topic && before.partition == o.partition {
			after = before.offset
		}
		p.refuse(m, o, inKafka, after, reason, err)
		refused = append(refused, m)
	}
	out, points := f.messages()
	p.metrics.batch(counted, int64(points))
	return []service.MessageBatch{append(out, refused...)}, nil
}

// count decodes and counts one message. Its error comes with a reason from the
// fixed list of the metric.
func (p *processor) count(ctx context.Context, f *folder, m *service.Message, o origin, inKafka bool, t *tweet.Tweet) (reason string, err error) {
	if err := m.GetError(); err != nil {
		return reasonFailed, err
	}
	g, opened := f.groupOf(o, inKafka)
	if opened && g.err == nil && inKafka {
		g.err = p.checkTopic(o.topic)
	}
	if g.err != nil {
		return reasonOrigin, g.err
	}
	if err := p.decode(ctx, m, t); err != nil {
		return reasonUndecodable, err
	}
	if err := f.add(g, o, t); err != nil {
		return reasonUnstorable, err
	}
	return "", nil
}

// Close has nothing to do: nothing is kept between batches.
func (p *processor) Close(context.Context) error { return nil }

var _ service.BatchProcessor = (*processor)(nil)
