package influxdb

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// sender sends requests until each of their lines has a verdict.
type sender struct {
	post    func(ctx context.Context, bucket string, points []byte) (answer, int)
	conf    config
	metrics *outputMetrics
	notes   *notes
	witness *witness
	alone   *alone
}

// send returns once each line of r is accepted, rejected or isolated, or r.ctx has ended.
func (s *sender) send(r *request) {
	s.metrics.inFlight.add(1)
	defer s.metrics.inFlight.add(-1)
	d := delivery{sender: s, r: r}
	// The error is that of the context: no caller waits for the lines.
	if _, err := d.deliver(r.all(), false); err == nil {
		d.behind()
	}
}

// errMisconfigured is returned while points wait for somebody to fix a setting. Benthos
// then reconnects until that succeeds, is not ready meanwhile, and writes the batch again.
var errMisconfigured = service.ErrNotConnected

// pause returns the waits between the attempts of one request.
type pause struct {
	exponential *backoff.ExponentialBackOff
}

func newPause(conf config) pause {
	return pause{backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(conf.backoffInitial),
		backoff.WithMaxInterval(conf.backoffMax),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxElapsedTime(0),
	)}
}

// next returns the longer of the exponential back-off, with its jitter, and the wait that
// the server requests, plus up to a tenth.
func (p pause) next(d decision) time.Duration {
	wait := p.exponential.NextBackOff()
	if d.after > 0 {
		wait = max(wait, d.after+rand.N(d.after/10+1))
	}
	return wait
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
