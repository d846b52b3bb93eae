package kafkabatch

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	kproduce "github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
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
	primed   bool                 // rejected is started; mu guards it
	compared atomic.Bool          // the settings of the topic with ours

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
		return o.errUnreached(err)
	}
	if !o.compared.Load() {
		if err := o.compareTopic(ctx); err != nil {
			return err
		}
		o.compared.Store(true)
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
	if o.rejected != nil && !o.primed {
		if err := o.rejected.Prime(); err != nil {
			return nil, fmt.Errorf("starting the output `rejected`: %w", err)
		}
		o.primed = true
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
	primed := o.primed
	o.mu.Unlock()
	if p != nil {
		p.Close(ctx)
	}
	o.metrics.close()
	if !primed {
		return nil
	}
	return letter.Close(ctx, fieldRejected, o.rejected)
}

var (
	_ service.BatchOutput        = (*output)(nil)
	_ service.ConnectionTestable = (*output)(nil)
)
