package influxdb

import (
	"context"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v4"
)

// sender brings requests to a verdict for each of their lines.
type sender struct {
	post    func(ctx context.Context, points []byte) (answer, int)
	conf    config
	metrics *outputMetrics
	notes   *notes
}

// send returns when each line of r is accepted or refused, or when r.ctx has
// ended.
func (s *sender) send(r *request) {
	s.metrics.inFlight.Incr(1)
	defer s.metrics.inFlight.Decr(1)
	d := delivery{sender: s, r: r}
	// The only error is that of the context: nobody waits for it.
	_, _ = d.deliver(0, r.lines.len(), false)
}

// delivery is the work on one request.
type delivery struct {
	*sender
	r *request
	// heard is whether the server has taken anything, so that what it refuses
	// is the fault of a line and not of the whole request.
	heard bool
}

// deliver brings lines lo to hi to their verdicts and says whether all are
// stored. It halves what is too large, and what holds a refused line until that
// one is alone; good lines are written more than once thereby, which changes
// nothing.
//
// suspect is whether a refused line is known to be among them. Then the whole
// need not be tried again: of two halves of a refused request, the second is
// suspect when the first is good. So k refused lines among n cost at most about
// 2·k·log2(n) requests.
func (d *delivery) deliver(lo, hi int, suspect bool) (good bool, err error) {
	if !suspect || hi-lo == 1 {
		answered, err := d.try(lo, hi)
		if err != nil {
			return false, err
		}
		switch {
		case answered.verdict == done:
			d.heard = true
			d.r.accept(lo, hi)
			return true, nil
		case hi-lo == 1:
			d.r.refuse(lo, answered)
			return false, nil
		}
		suspect = answered.verdict == refused
		d.metrics.splits.Incr(1)
	}
	middle := lo + (hi-lo)/2
	good, err = d.deliver(lo, middle, false)
	if err != nil {
		return false, err
	}
	rest, err := d.deliver(middle, hi, suspect && good)
	return good && rest, err
}

// try posts lines lo to hi until the answer is done, split or refused.
func (d *delivery) try(lo, hi int) (decision, error) {
	body := d.r.body(lo, hi)
	pause := newPause(d.conf)
	for {
		answered, err := d.once(d.r.ctx, body, hi-lo)
		if err != nil {
			return decision{}, err
		}
		if answered.verdict == refused && hi-lo == 1 && !d.heard {
			// Something in between, or a setting that InfluxDB does not like,
			// would refuse every line, one by one: does it take a request at all?
			empty, err := d.once(d.r.ctx, nil, 0)
			if err != nil {
				return decision{}, err
			}
			switch {
			case empty.verdict == refused && empty.reason == answered.reason:
				answered.verdict = mend
			case empty.verdict == resend, empty.verdict == mend:
				answered = empty
			default:
				d.heard = true
			}
		}
		if answered.verdict <= refused {
			d.notes.well()
			return answered, nil
		}
		wait := pause.next(answered)
		d.notes.trouble(answered, hi-lo, wait)
		if err := sleep(d.r.ctx, wait); err != nil {
			return decision{}, err
		}
		d.metrics.retries.Incr(1)
	}
}

// once makes one request. The only error is that of the context.
func (s *sender) once(ctx context.Context, body []byte, points int) (decision, error) {
	began := time.Now()
	a, wire := s.post(ctx, body)
	if a.err != nil && ctx.Err() != nil {
		return decision{}, ctx.Err()
	}
	d := judge(a, time.Now())
	s.metrics.request(d.verdict, points, len(body), wire, time.Since(began))
	return d, nil
}

// pause gives the waits between the tries of one request.
type pause struct {
	exponential *backoff.ExponentialBackOff
	longest     time.Duration
}

func newPause(conf config) pause {
	return pause{backoff.NewExponentialBackOff(
		backoff.WithInitialInterval(conf.backoffInitial),
		backoff.WithMaxInterval(conf.backoffMax),
		backoff.WithMultiplier(2),
		backoff.WithRandomizationFactor(0.5),
		backoff.WithMaxElapsedTime(0),
	), conf.backoffMax}
}

// next is the longer of the exponential back-off, with its jitter, and what the
// server asks for, with a tenth of jitter above it.
func (p pause) next(d decision) time.Duration {
	wait := p.exponential.NextBackOff()
	if d.verdict == mend {
		wait = p.longest // it takes a person
	}
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
