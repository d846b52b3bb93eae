// Package subpartition is the input subpartition. Around a child input that reads Kafka it
// delivers the messages of each key in their order, and those of different keys at the same
// time, however few partitions there are.
//
// It is an input because only an input can delay acknowledgements: what a processor keeps
// back is acknowledged at once, and a buffer that keeps acknowledgements cannot stop, since
// the stream waits for the input and the input for them. Everything that is held is
// unacknowledged at the child, so a crash replays it from Kafka.
//
// The child is never nacked while the input runs: it would deliver the whole batch again,
// behind later messages of the same keys. Failed messages are retried here. When the
// context of ReadBatch ends, the stream is stopping. Then all that is held is nacked, since
// the child does not close before each of its batches is answered.
//
// internal/perkey decides what may be delivered, internal/hold when a batch of the child is
// acknowledged, and internal/childinput which children are accepted.
package subpartition

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/hold"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
	"github.com/brandpulse/brandpulse-connect/internal/perkey"
)

// version is that of the component.
const version = "0.1.0"

// Name is the component's standard name.
const Name = "subpartition"

const (
	logComponent = "component"
	// closeTimeout bounds how long closing may take: Benthos does not.
	closeTimeout = 15 * time.Second
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

// child is the input that is read, as of *service.OwnedInput.
type child interface {
	ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error)
	Close(ctx context.Context) error
}

func newInput(parsed *service.ParsedConfig, res *service.Resources) (service.BatchInput, error) {
	conf, err := configFrom(parsed)
	if err != nil {
		return nil, err
	}
	log := res.Logger().With(logComponent, Name)
	for _, note := range conf.notes {
		log.Warn(note)
	}
	from, err := parsed.FieldInput(fieldInput)
	if err != nil {
		return nil, err
	}
	var dead letter.Output
	if conf.dead {
		owned, err := parsed.FieldOutput(fieldDeadLetters)
		if err != nil {
			return nil, err
		}
		if err := owned.Prime(); err != nil {
			return nil, fmt.Errorf("starting the output %s: %w", fieldDeadLetters, err)
		}
		dead = owned
	}
	in := newInputAround(conf, from, dead, log, newMetrics(res.Metrics()))
	in.test = from.ConnectionTest
	return in, nil
}

func newInputAround(conf config, from child, dead letter.Output, log *service.Logger, m *metrics) *input {
	in := &input{
		conf: conf, child: from, dead: dead, log: log, metrics: m,
		sched:   perkey.New[*service.Message](conf.Config),
		sources: map[sourceID]*source{},
		wake:    make(chan struct{}, 1),
		room:    make(chan struct{}, 1),
		letters: make(chan struct{}, 1),
		ended:   make(chan struct{}),
	}
	in.ctx, in.cancel = context.WithCancel(context.Background())
	return in
}

type input struct {
	conf    config
	child   child
	dead    letter.Output // nil without one
	log     *service.Logger
	metrics *metrics
	test    func(ctx context.Context) service.ConnectionTestResults // nil in tests

	ctx     context.Context // until Close
	cancel  context.CancelFunc
	reading sync.WaitGroup // the reader
	begun   atomic.Bool    // it has read the child
	tasks   sync.WaitGroup // all others

	wake    chan struct{} // for ReadBatch
	room    chan struct{} // for the reader
	letters chan struct{} // for the writer of letters
	ended   chan struct{} // closed when the child has nothing more

	mu      sync.Mutex // guards the next four
	started bool
	sched   *perkey.Scheduler[*service.Message]
	sources map[sourceID]*source
	toBury  []*message // exhausted messages that are not with the output for dead letters

	reported perkey.Counts // in the metrics; of watch

	stalled, blocked, unordered  loglimit.Limiter
	childReads, childAcks, nacks loglimit.Limiter // errors; apart, since another text is always due
}

type message = perkey.Message[*service.Message]

func (in *input) Connect(context.Context) error {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.ctx.Err() != nil {
		return service.ErrEndOfInput
	}
	if !in.started {
		in.started = true
		in.reading.Go(in.read)
		in.tasks.Go(in.bury)
		in.tasks.Go(in.watch)
	}
	return nil
}

func (in *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	for {
		// Before Next: what the child delivered before its end is in the scheduler.
		over := closed(in.ended)
		in.mu.Lock()
		batch, wait := in.sched.Next(time.Now())
		over = over && in.sched.Idle()
		in.mu.Unlock()
		if len(batch) > 0 {
			messages, ack := in.deliver(batch)
			return messages, ack, nil
		}
		if over {
			return nil, nil, service.ErrEndOfInput
		}
		if err := in.await(ctx, wait); err != nil {
			return nil, nil, err
		}
	}
}

// await waits until Next may return something.
func (in *input) await(ctx context.Context, wait time.Duration) error {
	var due <-chan time.Time
	if wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		due = timer.C
	}
	ended := in.ended
	if closed(ended) {
		ended = nil
	}
	select {
	case <-in.wake:
	case <-due:
	case <-ended:
	case <-in.ctx.Done():
		return service.ErrEndOfInput
	case <-ctx.Done():
		in.stop()
		return ctx.Err()
	}
	return nil
}

// stop nacks what is held. Batches that are entirely with the output are answered as it
// answers.
func (in *input) stop() { in.giveBack(in.sched.Stop) }

// giveBack returns batches to the child.
func (in *input) giveBack(which func() []hold.Settlement) {
	in.mu.Lock()
	held := in.sched.State()
	nacks := which()
	in.mu.Unlock()
	if len(nacks) > 0 {
		in.log.Infof("Stopping: %d batches of the child input are returned to it, to be delivered again; %d messages are held, %d of them in flight", len(nacks), held.Messages, held.InFlight)
	}
	in.settle(nacks)
}

// settle answers the child. It must be called without mu.
func (in *input) settle(all []hold.Settlement) {
	for _, s := range all {
		s.Settle()
	}
	if len(all) > 0 {
		signal(in.room)
	}
}

func (in *input) Close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	in.giveBack(in.sched.Abandon)
	in.cancel()
	in.reading.Wait() // it may have a batch, which it returns; the child waits for that
	var err error
	if in.begun.Load() { // otherwise the child has not started, and would not report its end
		err = in.child.Close(ctx)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		in.log.Warnf("The child input did not close within %s; what it has not committed will be replayed", closeTimeout)
	}
	in.tasks.Wait()
	if in.dead != nil {
		err = errors.Join(err, letter.Close(ctx, fieldDeadLetters, in.dead))
	}
	return err
}

// ConnectionTest is that of the child.
func (in *input) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if in.test == nil {
		return service.ConnectionTestNotSupported().AsList()
	}
	return in.test(ctx)
}

// signal wakes whoever waits on c, or will.
func signal(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

var (
	_ service.BatchInput         = (*input)(nil)
	_ service.ConnectionTestable = (*input)(nil)
	_ child                      = (*service.OwnedInput)(nil)
)
