package kafkabatch

import (
	"context"
	"fmt"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
)

// RegisterOutput adds the output to an environment under a name.
func RegisterOutput(env *service.Environment, name string) error {
	return env.RegisterBatchOutput(name, outputSpec(), func(parsed *service.ParsedConfig, res *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
		o, err := newOutput(parsed, res)
		if err != nil {
			return nil, service.BatchPolicy{}, 0, err
		}
		return o, service.BatchPolicy{}, o.conf.maxInFlight, nil
	})
}

func init() {
	if err := RegisterOutput(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

// output holds the acks: WriteBatch returns when Kafka has acknowledged each record, or
// when those that it refuses are with the output `rejected`. It returns no error that names
// single messages: such an error can make an input retry the wrong ones.
type output struct {
	conf     outputConfig
	log      *service.Logger
	metrics  *outputMetrics
	rejected *service.OwnedOutput // nil without one

	mu       sync.Mutex
	producer *kproduce.Producer // nil until connected
	closed   bool
	down     down
	stop     chan struct{} // closed by Close
}

func newOutput(parsed *service.ParsedConfig, res *service.Resources) (*output, error) {
	conf, err := outputConfigFrom(parsed)
	if err != nil {
		return nil, err
	}
	o := &output{conf: conf, log: res.Logger().With(logComponent, Name), stop: make(chan struct{})}
	o.down.waiting = map[*writing]context.CancelCauseFunc{}
	o.metrics = newOutputMetrics(res.Metrics(), o.log)
	if conf.rejected {
		if o.rejected, err = parsed.FieldOutput(fieldRejected); err != nil {
			return nil, err
		}
	}
	return o, nil
}

func (o *output) Connect(ctx context.Context) error {
	p, err := o.open()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := p.Ping(ctx); err != nil {
		return fmt.Errorf("connecting to %v: %w", o.conf.Seeds, o.conf.Explained(err))
	}
	o.connected()
	return nil
}

// open makes the producer, unless there is one. It is kept when it does not connect:
// writes that wait in it are sent once it does.
func (o *output) open() (*kproduce.Producer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, service.ErrEndOfInput
	}
	if o.producer != nil {
		return o.producer, nil
	}
	conf := o.conf.produce
	conf.Client = o.conf.Options(version, o.log)
	conf.MetadataMaxAge = o.conf.MetadataMaxAge
	conf.Observer = o.metrics
	p, err := kproduce.New(conf)
	if err != nil {
		return nil, err
	}
	o.producer = p
	go o.watch(o.stop)
	return p, nil
}

func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	o.mu.Lock()
	p := o.producer
	o.mu.Unlock()
	if p == nil {
		return service.ErrNotConnected
	}
	w := newWriting(o, p, batch)
	waiting, cancel := o.enter(ctx, w)
	defer cancel(nil)
	refusals, err := w.write(waiting, nil)
	if err := o.leave(waiting, w, err); err != nil {
		return err
	}
	return o.dispose(ctx, w, refusals)
}

func (o *output) Close(ctx context.Context) error {
	o.mu.Lock()
	p := o.producer
	if !o.closed {
		close(o.stop)
	}
	o.producer, o.closed = nil, true
	o.mu.Unlock()
	if p != nil {
		p.Close(ctx)
	}
	o.metrics.close()
	if o.rejected != nil {
		return o.rejected.Close(ctx)
	}
	return nil
}

// ConnectionTest reaches a broker and, if the topic does not depend on messages, checks it.
func (o *output) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := o.test(ctx); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

func (o *output) test(ctx context.Context) error {
	client, err := kgo.NewClient(o.conf.Options(version, o.log)...)
	if err != nil {
		return err
	}
	defer client.Close()
	if o.conf.staticTopic == "" {
		return client.Ping(ctx)
	}
	admin := kadm.NewClient(client)
	topics, err := admin.ListTopics(ctx, o.conf.staticTopic)
	if err != nil {
		return err
	}
	if err := topics.Error(); err != nil {
		if o.conf.produce.CreateTopics {
			return nil // a write will ask for it
		}
		return fmt.Errorf("looking up the topic %s: %w", o.conf.staticTopic, err)
	}
	return o.checkLimit(ctx, admin)
}

// checkLimit compares max_batch_bytes with the limit of the topic. A user who may not read
// that may still write.
func (o *output) checkLimit(ctx context.Context, admin *kadm.Client) error {
	configs, err := admin.DescribeTopicConfigs(ctx, o.conf.staticTopic)
	if err != nil {
		o.log.Debugf("Reading the settings of the topic %s: %v", o.conf.staticTopic, err)
		return nil
	}
	for _, topic := range configs {
		for _, c := range topic.Configs {
			var limit int
			if c.Key != "max.message.bytes" || c.Value == nil {
				continue
			}
			if _, err := fmt.Sscan(*c.Value, &limit); err == nil && !o.conf.whole && o.conf.produce.MaxBatchBytes > limit {
				return fmt.Errorf("%s is %d bytes, and the topic %s accepts batches of %d (max.message.bytes): most would be sent in parts; lower the one or raise the other",
					fieldMaxBatchBytes, o.conf.produce.MaxBatchBytes, o.conf.staticTopic, limit)
			}
		}
	}
	return nil
}

var (
	_ service.BatchOutput        = (*output)(nil)
	_ service.ConnectionTestable = (*output)(nil)
)
