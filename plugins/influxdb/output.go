// Package influxdb is the output `influxdb`: it writes points to InfluxDB 1.8 and
// later, and distinguishes points that are stored, points to retry, and points that
// InfluxDB rejects.
//
// The output holds the acknowledgements: WriteBatch returns once InfluxDB has answered
// 204 for each of its points, or once the output `rejected` has accepted those that
// InfluxDB rejects. It retries inside WriteBatch for as long as necessary. Unless
// configured to, it returns no error that names single messages: if such an error
// reaches an input, the input may retry the wrong messages.
package influxdb

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// Name is the name of the output in YAML.
const Name = "influxdb"

// Register adds the output to an environment under a name.
func Register(env *service.Environment, name string) error {
	return env.RegisterBatchOutput(name, spec(),
		func(parsed *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			conf, err := configFrom(parsed)
			if err != nil {
				return nil, service.BatchPolicy{}, 0, err
			}
			var rejected rejectedOutput
			if conf.rejected {
				if rejected, err = parsed.FieldOutput(fieldRejected); err != nil {
					return nil, service.BatchPolicy{}, 0, err
				}
			}
			return newOutput(conf, rejected, mgr.Logger(), mgr.Metrics()), service.BatchPolicy{}, conf.maxInFlight, nil
		})
}

func init() {
	if err := Register(service.GlobalEnvironment(), Name); err != nil {
		panic(err)
	}
}

// rejectedOutput is the part of service.OwnedOutput that writes rejected points.
type rejectedOutput interface {
	Prime() error
	letter.Output
}

type output struct {
	conf      config
	client    *client
	encoder   *encoder
	committer *committer
	rejected  rejectedOutput // nil: on_reject decides
	log       *service.Logger
	metrics   *outputMetrics
	notes     *notes
	calls     sync.Pool // of *call

	warned [timeKinds]atomic.Bool // by kind of time

	connecting *backoff.ExponentialBackOff
	primed     bool // rejected is started
}

func newOutput(conf config, rejected rejectedOutput, log *service.Logger, metrics *service.Metrics) *output {
	log = log.With(logComponent, Name)
	o := &output{
		conf:     conf,
		client:   newClient(conf),
		encoder:  newEncoder(conf),
		rejected: rejected,
		log:      log,
		metrics:  newOutputMetrics(metrics),
		notes:    &notes{log: log, conf: conf},
		connecting: backoff.NewExponentialBackOff(
			backoff.WithInitialInterval(min(time.Second, conf.backoffMax)),
			backoff.WithMaxInterval(conf.backoffMax),
			backoff.WithMaxElapsedTime(0),
		),
	}
	s := &sender{
		post: o.client.post, conf: conf, metrics: o.metrics, notes: o.notes,
		witness: newWitness(), alone: newAlone(conf, o.metrics),
	}
	o.committer = newCommitter(conf, s.send)
	o.calls.New = func() any { return newCall() }
	return o
}

// Connect is called until it succeeds, never concurrently with itself or Close.
func (o *output) Connect(ctx context.Context) error {
	o.committer.connecting()
	err := o.reach(ctx, true)
	if err == nil {
		err = o.notes.standing()
	}
	if err != nil {
		return service.NewErrBackOff(err, o.connecting.NextBackOff())
	}
	o.connecting.Reset()
	// Faults of the output for rejected points should show at the start, not with the
	// first rejected point.
	if o.rejected != nil && !o.primed {
		if err := o.rejected.Prime(); err != nil {
			return fmt.Errorf("starting the output `rejected`: %w", err)
		}
		o.primed = true
	}
	o.committer.connected()
	return nil
}

func (o *output) ConnectionTest(ctx context.Context) service.ConnectionTestResults {
	if err := o.reach(ctx, false); err != nil {
		return service.ConnectionTestFailed(err).AsList()
	}
	return service.ConnectionTestSucceeded().AsList()
}

// WriteBatch writes the points of a batch; see the package comment.
func (o *output) WriteBatch(ctx context.Context, batch service.MessageBatch) error {
	cl := o.calls.Get().(*call)
	cl.batch, cl.turn = batch, o.committer.turn()
	refusals := o.encoder.encode(batch, &cl.lines)
	if blank := cl.lines.blank; blank > 0 {
		o.metrics.blank.Incr(int64(blank))
	}
	o.reportTimes(batch, &cl.lines.times)
	cl.intoLanes(o.conf.lanes())
	if err := o.write(ctx, cl); err != nil {
		return err
	}
	refusals = append(refusals, cl.refusals...)
	if len(refusals) == 0 {
		o.metrics.stored(batch, nil, nil)
		o.release(cl)
		return nil
	}
	o.metrics.stored(batch, nil, messagesOf(refusals))
	// The texts of the refusals alias the buffer of the call.
	defer o.release(cl)
	return o.reject(ctx, batch, refusals)
}

// write returns once each line of a call has its verdict.
func (o *output) write(ctx context.Context, cl *call) error {
	points := int64(cl.lines.len())
	o.metrics.waiting.add(points)
	defer o.metrics.waiting.add(-points)
	if err := o.committer.write(ctx, cl); err != nil {
		return err
	}
	o.metrics.written.Incr(points - int64(len(cl.refusals)))
	return nil
}

// release keeps the buffers of a call for another one, unless they are unusually large.
func (o *output) release(cl *call) {
	if cap(cl.lines.buf) > 4*o.conf.maxBodyBytes {
		return
	}
	cl.reset()
	o.calls.Put(cl)
}

func (o *output) Close(ctx context.Context) error {
	o.committer.close()
	o.client.close()
	if !o.primed {
		return nil
	}
	return letter.Close(ctx, fieldRejected, o.rejected)
}

var (
	_ service.BatchOutput        = (*output)(nil)
	_ service.ConnectionTestable = (*output)(nil)
	_ rejectedOutput             = (*service.OwnedOutput)(nil)
)
