// Package tweetgen is the input tweet_generator: tweets about brands, made up
// at a given rate and mix of sentiments.
//
// It keeps every batch until it has been acknowledged and sends it again whole
// if it was not. It does not leave this to Benthos's AutoRetryNacksBatched,
// which retries single messages by their index in the batch: an output behind
// a filter or a fold gives indexes of another batch, and the wrong messages
// would be sent again while the right ones are lost.
package tweetgen

import (
	"context"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Name is the component's standard name.
const Name = "tweet_generator"

// How long a refused batch rests before it is sent again; doubled each time.
const (
	minBackoff = 50 * time.Millisecond
	maxBackoff = 2 * time.Second
)

// Register adds the input to an environment under a name.
func Register(env *service.Environment, name string) error {
	return env.RegisterBatchInput(name, spec(), newInput)
}

func init() {
	if err := Register(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

func newInput(parsed *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	conf, err := configFrom(parsed, res.FS())
	if err != nil {
		return nil, err
	}
	return newInputFrom(conf, res, time.Now), nil
}

type input struct {
	conf     config
	log      *service.Logger
	tally    *tally
	workers  *workers
	progress *progress

	again chan *batch // refused and rested; there is room for all there can be

	start sync.Once
	ctx   context.Context // of the workers and of the progress display
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

func newInputFrom(conf config, res *service.Resources, now func() time.Time) *input {
	t := newTally(res.Metrics())
	g := newGenerator(uint64(conf.seed), conf.encoding, conf.texts, conf.brands)
	p := &pacer{
		now: now, rate: conf.rate, batchSize: conf.batchSize,
		count: conf.count, duration: conf.duration, mix: conf.mixer(),
	}
	w := newWorkers(&conf, g, p, t, now)
	ctx, stop := context.WithCancel(context.Background())
	return &input{
		conf:     conf,
		log:      res.Logger().With("component", Name),
		tally:    t,
		workers:  w,
		progress: newProgress(&conf, t, w.finished, res.Logger(), res.Label(), now),
		again:    make(chan *batch, conf.maxInFlight),
		ctx:      ctx,
		stop:     stop,
	}
}

func (in *input) Connect(context.Context) error {
	in.start.Do(func() {
		if in.conf.seedDrawn {
			in.log.Infof("The seed is %d: set `%s` to it to get the same tweets again", in.conf.seed, fieldSeed)
		}
		for range in.conf.workers {
			in.wait.Go(func() { in.workers.work(in.ctx) })
		}
		in.wait.Go(func() { in.progress.run(in.ctx) })
	})
	return nil
}

func (in *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	// Refused batches first: else a full pipeline would never get them.
	select {
	case b := <-in.again:
		return b.messages(), in.ackFunc(b), nil
	default:
	}
	select {
	case b := <-in.again:
		return b.messages(), in.ackFunc(b), nil
	case m := <-in.workers.ready:
		in.tally.addGenerated(m.batch.plan)
		return m.messages, in.ackFunc(m.batch), nil
	case <-in.workers.finished:
		return nil, nil, service.ErrEndOfInput
	case <-in.ctx.Done():
		return nil, nil, service.ErrEndOfInput
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// ackFunc is called once for each time that b was handed on. Whatever a nack
// says about single messages, b is sent again whole.
func (in *input) ackFunc(b *batch) service.AckFunc {
	return func(_ context.Context, err error) error {
		if err == nil {
			in.tally.addDelivered(b.plan.size())
			in.workers.release()
			return nil
		}
		in.tally.addError()
		in.log.Debugf("Sending a batch of %d tweets again: %v", b.plan.size(), err)
		rest := min(minBackoff<<min(b.nacks, 10), maxBackoff)
		b.nacks++
		time.AfterFunc(rest, func() { in.again <- b })
		return nil
	}
}

func (in *input) Close(ctx context.Context) error {
	in.stop()
	stopped := make(chan struct{})
	go func() {
		in.wait.Wait()
		close(stopped)
	}()
	select {
	case <-stopped:
	case <-ctx.Done():
		return ctx.Err()
	}
	if lost := in.tally.generated.Load() - in.tally.delivered.Load(); lost > 0 {
		in.log.Warnf("Stopping with %d tweets handed on and not acknowledged: they may not have arrived", lost)
	}
	return nil
}

var _ service.BatchInput = (*input)(nil)
