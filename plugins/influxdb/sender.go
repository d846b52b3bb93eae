package influxdb

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
	"github.com/redpanda-data/benthos/v4/public/service"
)

// sender brings requests to a verdict for each of their lines.
type sender struct {
	post    func(ctx context.Context, bucket string, points []byte) (answer, int)
	conf    config
	metrics *outputMetrics
	notes   *notes
	witness *witness
	alone   *alone
}

// send returns when each line of r is accepted or refused, or waits alone, or when
// r.ctx has ended.
func (s *sender) send(r *request) {
	s.metrics.inFlight.add(1)
	defer s.metrics.inFlight.add(-1)
	d := delivery{sender: s, r: r}
	// The error is that of the context: nobody waits for the lines.
	if _, err := d.deliver(r.all(), false); err == nil {
		d.behind()
	}
}

// errUnmended is what a caller gets when points wait for somebody to mend a
// setting. Benthos then connects anew until that succeeds, says meanwhile that it
// is not ready, and hands the batch in again.
var errUnmended = service.ErrNotConnected

// pause gives the waits between the tries of one request.
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

// next is the longer of the exponential back-off, with its jitter, and what the
// server asks for, with a tenth of jitter above it.
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
