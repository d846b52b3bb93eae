// Package tweetgen is the input tweet_generator: it generates tweets about brands
// at a given rate and with a given mix of sentiments.
//
// It keeps every batch until it has been acknowledged, and redelivers the whole
// batch after a nack. Benthos's AutoRetryNacksBatched would retry single messages
// by their index in the batch, but behind a processor that filters or folds the
// indexes are those of another batch: the wrong messages would be retried, and the
// failed ones lost.
package tweetgen

import (
	"context"
	"sync"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// Name is the component's standard name.
const Name = "tweet_generator"

// Delay before a nacked batch is redelivered. It doubles with each nack.
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
	return newInputFrom(conf, res, time.Now)
}

type input struct {
	conf     config
	log      *service.Logger
	tally    *tally
	workers  *workers
	makers   []maker // one for each worker
	progress *progress
	ledger   *ledger
	now      func() time.Time

	retries chan *batch // nacked, and due for redelivery; has room for all batches in flight

	start sync.Once
	ctx   context.Context // of the workers and of the progress display
	stop  context.CancelFunc
	wait  sync.WaitGroup
}

func newInputFrom(conf config, res *service.Resources, now func() time.Time) (*input, error) {
	t := newTally(res.Metrics())
	g := newGenerator(uint64(conf.seed), &conf.content)
	p := &pacer{
		now: now, rate: conf.rate, shape: conf.shape, batchSize: conf.batchSize,
		count: conf.count, duration: conf.duration, mix: conf.mixer(),
	}
	w := newWorkers(&conf, g, p, t, now)
	makers := make([]maker, conf.workers)
	for i := range makers {
		var err error
		if makers[i], err = w.maker(); err != nil {
			return nil, err
		}
	}
	ctx, stop := context.WithCancel(context.Background())
	return &input{
		conf:     conf,
		log:      res.Logger().With("component", Name),
		tally:    t,
		workers:  w,
		makers:   makers,
		progress: newProgress(&conf, t, w.finished, res.Logger(), res.Label(), now),
		ledger:   &ledger{files: res.FS(), path: conf.ledger, page: page{Seed: conf.seed}},
		now:      now,
		retries:  make(chan *batch, conf.maxInFlight),
		ctx:      ctx,
		stop:     stop,
	}, nil
}

func (in *input) Connect(context.Context) error {
	if err := in.ledger.begin(in.tally, in.now()); err != nil {
		return err
	}
	in.start.Do(func() {
		if in.conf.seedDrawn {
			in.log.Infof("Random seed %d. Set `%s: %d` to generate the same tweets again", in.conf.seed, fieldSeed, in.conf.seed)
		}
		for _, make := range in.makers {
			in.wait.Go(func() { in.workers.work(in.ctx, make) })
		}
		in.wait.Go(func() { in.progress.run(in.ctx) })
	})
	return nil
}

func (in *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	// Nacked batches first: the select below could prefer new ones forever.
	select {
	case b := <-in.retries:
		return b.messages(), in.ackFunc(b), nil
	default:
	}
	select {
	case b := <-in.retries:
		return b.messages(), in.ackFunc(b), nil
	case m := <-in.workers.ready:
		in.tally.addGenerated(m.batch)
		return m.messages, in.ackFunc(m.batch), nil
	case <-in.workers.finished:
		return nil, nil, service.ErrEndOfInput
	case <-in.ctx.Done():
		return nil, nil, service.ErrEndOfInput
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
}

// ackFunc returns the acknowledgement of one delivery of b. A nack redelivers all of
// b, even if it names single messages.
func (in *input) ackFunc(b *batch) service.AckFunc {
	return func(_ context.Context, err error) error {
		if err == nil {
			in.tally.addDelivered(b.plan.size())
			in.workers.release(b.memory)
			return nil
		}
		in.tally.addError()
		in.log.Debugf("Redelivering a batch of %d tweets: %v", b.plan.size(), err)
		delay := min(minBackoff<<min(b.nacks, 10), maxBackoff)
		b.nacks++
		time.AfterFunc(delay, func() { in.retries <- b })
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
	if unacknowledged := in.tally.generated.Load() - in.tally.delivered.Load(); unacknowledged > 0 {
		in.log.Warnf("Stopping with %s unacknowledged tweets; the output may not have stored them", humanize.Comma(unacknowledged))
	}
	if in.conf.flaws.any() {
		in.log.Info(in.tally.flawed())
	}
	complete := false
	select {
	case <-in.workers.finished:
		complete = true
	default:
	}
	return in.ledger.end(in.tally, in.now(), complete)
}

var _ service.BatchInput = (*input)(nil)
