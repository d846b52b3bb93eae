// Package kafkabatch is the input kafka_batches. It delivers whole record batches of
// Kafka's log, so that an aggregation of them cuts the log where Kafka cut it, at
// every reading.
//
// No other cut is the same twice: the contents of a fetch, the moment when a timer
// fires, the place where a process starts and the partitions of other members all
// differ from one reading to the next. A record batch is atomic, immutable, complete
// once it is visible, and the same bytes for every reader. So its points are the
// same however often it is read, and committed offsets decide only how much is
// replayed.
//
// The input keeps every batch until it is acknowledged, and redelivers the whole
// batch after a nack. It does not leave this to Benthos's AutoRetryNacksBatched,
// which retries single messages by their index in the batch: a fold behind it
// would count a part of the batch under the key of the whole.
package kafkabatch

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// version is that of the component.
const version = "0.1.0"

// Name is the component's standard name.
const Name = "kafka_batches"

// closeTimeout bounds how long the last commit and leaving the group may take:
// Benthos does not.
const closeTimeout = 15 * time.Second

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
	conf, err := configFrom(parsed)
	if err != nil {
		return nil, err
	}
	return &input{conf: conf, log: res.Logger().With(logComponent, Name), metrics: newMetrics(res.Metrics()), trial: newTrial()}, nil
}

type input struct {
	conf    config
	log     *service.Logger
	metrics *metrics
	trial   *trial

	allStopped allStopped

	mu      sync.Mutex
	session *session // nil until connected
	closed  bool
}

func (in *input) Connect(ctx context.Context) error {
	s, err := in.join(ctx)
	if err != nil {
		return err
	}
	if err := in.trial.wait(ctx, s); err != nil {
		return err
	}
	return in.allStopped.wait(ctx, s)
}

// join opens the session, unless there is one.
func (in *input) join(ctx context.Context) (*session, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.closed {
		return nil, service.ErrEndOfInput
	}
	if in.session != nil {
		return in.session, nil
	}
	s, err := open(ctx, &in.conf, in.log, in.metrics)
	if err != nil {
		return nil, err
	}
	in.session = s
	return s, nil
}

func (in *input) current() *session {
	in.mu.Lock()
	defer in.mu.Unlock()
	return in.session
}

func (in *input) ReadBatch(ctx context.Context) (service.MessageBatch, service.AckFunc, error) {
	s := in.current()
	if s == nil {
		return nil, nil, service.ErrNotConnected
	}
	for {
		if !in.trial.open(s) {
			return nil, nil, service.ErrNotConnected
		}
		if b := s.tracker.Next(); b != nil {
			d := s.budget.New()
			d.Identity = in.conf.identity
			d.Compacted = in.conf.onCompacted == onCompactedRead
			d.Revoked = b.Partition().Revoked()
			err := d.Reserve(ctx, b.Becomes)
			if errors.Is(err, delivery.ErrFull) {
				s.tracker.PutBack(b)
				continue
			}
			if err != nil {
				s.tracker.PutBack(b)
				return nil, nil, err
			}
			messages, err := messagesOf(b, in.conf.emit)
			if err != nil { // its records were readable before: memory is broken
				_ = d.Settle()
				s.nack(b, err)
				return nil, nil, err
			}
			in.metrics.delivered(b)
			in.trial.delivers(int(b.Header.Records))
			messages, ack := deliver(d, in.trial, messages, s.ackFunc(b))
			return messages, ack, nil
		}
		if in.allStopped.lost(s) {
			return nil, nil, service.ErrNotConnected
		}
		select {
		case <-s.tracker.Ready():
		case <-in.trial.changed:
		case <-s.ctx.Done():
			return nil, nil, service.ErrEndOfInput
		case <-ctx.Done():
			return nil, nil, ctx.Err()
		}
	}
}

// deliver lets processors reserve memory for the results of the messages, and refuse
// messages that they cannot process now: the batch is then redelivered although
// Benthos acknowledges the rest of it.
func deliver(d *delivery.Delivery, t *trial, messages service.MessageBatch, ack service.AckFunc) (service.MessageBatch, service.AckFunc) {
	ctx := d.In(context.Background()) // new messages have no other
	for i, m := range messages {
		messages[i] = m.WithContext(ctx)
	}
	return messages, func(ctx context.Context, err error) error {
		refused := d.Settle()
		if err == nil {
			err = refused
		}
		err = ack(ctx, err)
		t.learn(d, refused != nil)
		return err
	}
}

func (s *session) nack(b *track.Batch, err error) {
	s.report.nacked(b, s.tracker.Nack(b, err), err)
}

// ackFunc is called once for each delivery of b. Whatever a nack says about single
// messages, the whole of b is redelivered: any of it may not be stored.
func (s *session) ackFunc(b *track.Batch) service.AckFunc {
	return func(_ context.Context, err error) error {
		if err != nil {
			s.nack(b, err)
		} else {
			s.tracker.Ack(b)
		}
		return nil
	}
}

func (in *input) Close(ctx context.Context) error {
	in.mu.Lock()
	s := in.session
	in.session, in.closed = nil, true
	in.mu.Unlock()
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	err := s.close(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		in.log.Warnf("Left the group %s without a response from the brokers: batches that were not committed will be replayed", in.conf.group)
	}
	return err
}

// ConnectionTest makes the checks that Connect makes before it joins the group.
func (in *input) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if _, err := preflight(ctx, &in.conf, in.log); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

var (
	_ service.BatchInput         = (*input)(nil)
	_ service.ConnectionTestable = (*input)(nil)
)
