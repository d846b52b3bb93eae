package brandview

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

const (
	// maxPeriods is how many ranges that have ended are kept, for all viewers.
	maxPeriods = 8
	// periodTimeout limits the reading of one, in slices.
	periodTimeout = 45 * time.Second
	// periodKept is how long one is kept, and periodKeptYoung if tweets may still
	// arrive in it.
	periodKept      = time.Minute
	periodKeptYoung = 5 * time.Second
	periodYoung     = 5 * time.Minute
)

// periods are ranges that have ended, as they were read. Viewers of the same one,
// whatever brands they choose, share one reading.
type periods struct {
	mu   sync.Mutex
	list []*period
	turn chan struct{} // holds a token while none is being read
}

// period is a range that has ended.
type period struct {
	r     Range
	until int64

	ready   chan struct{} // closed once the rest is known
	store   *store
	problem *Problem
	expires time.Time

	viewers int // waiting for it
	cancel  context.CancelFunc
}

// errBusy is a reading that others delay.
var errBusy = &Problem{Kind: Slow, Message: "Too many ranges are being read from InfluxDB"}

// Period returns the view of a range that has ended.
func (v *View) Period(ctx context.Context, f Filter) Update {
	p, err := v.periods.get(v, f)
	if err == nil {
		err = p.await(ctx, &v.periods)
	}
	if err != nil {
		return v.withProblem(f, problemOf(err))
	}
	u := v.look(p.store, f, 0)
	u.Status.Problem = p.problem
	u.Rate = float64(u.Total.Total()) / float64(f.Range.length())
	return u
}

// withProblem is the view of a range that has not been read.
func (v *View) withProblem(f Filter, problem *Problem) Update {
	u := v.look(newPeriodStore(f.Range, f.Until), f, 0)
	u.Status.Problem = problem
	return u
}

// get returns the period of a filter, and begins to read it if it is not known.
func (ps *periods) get(v *View, f Filter) (*period, error) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	now := time.Now()
	// One that is being read has viewers.
	ps.list = slices.DeleteFunc(ps.list, func(p *period) bool { return p.viewers == 0 && !now.Before(p.expires) })
	for _, p := range ps.list {
		if p.r.Step == f.Range.Step && p.r.Windows == f.Range.Windows && p.until == f.Until {
			p.viewers++
			return p, nil
		}
	}
	if len(ps.list) == maxPeriods {
		oldest := slices.IndexFunc(ps.list, func(p *period) bool { return p.viewers == 0 })
		if oldest < 0 {
			return nil, errBusy
		}
		ps.list = slices.Delete(ps.list, oldest, oldest+1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &period{r: f.Range, until: f.Until, ready: make(chan struct{}), viewers: 1, cancel: cancel}
	ps.list = append(ps.list, p)
	go func() {
		defer cancel()
		s, problem := v.readPeriod(ctx, p.r, p.until)
		ps.mu.Lock()
		defer ps.mu.Unlock()
		p.store, p.problem, p.expires = s, problem, time.Now().Add(keptFor(p.until, problem))
		close(p.ready)
	}()
	return p, nil
}

// keptFor is how long a period is kept that ends at a second. A problem may be over
// at the next attempt.
func keptFor(until int64, problem *Problem) time.Duration {
	switch {
	case problem != nil:
		return 0
	case time.Since(time.Unix(until, 0)) < periodYoung:
		return periodKeptYoung
	}
	return periodKept
}

// await waits until a period is known. A reading that nobody waits for any longer
// ends, since viewers who drag over the chart leave many behind.
func (p *period) await(ctx context.Context, ps *periods) error {
	var err error
	select {
	case <-p.ready:
	case <-ctx.Done():
		err = ctx.Err()
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p.viewers--; p.viewers == 0 && err != nil {
		p.cancel()
		ps.list = slices.DeleteFunc(ps.list, func(other *period) bool { return other == p })
	}
	return err
}

// newPeriodStore returns a store of one range that ends at a second, exclusive.
func newPeriodStore(r Range, until int64) *store {
	s := storeOf(r)
	s.base = newRing(1, 1) // single seconds are not kept
	s.advance(until - 1)
	s.forget()
	s.status.Asked = true
	s.read = until
	return s
}

// readPeriod reads a range, and the windows before it that tell what is usual, from its
// end to its beginning, in slices that InfluxDB answers in time.
func (v *View) readPeriod(ctx context.Context, r Range, until int64) (*store, *Problem) {
	s := newPeriodStore(r, until)
	select {
	case v.periods.turn <- struct{}{}:
		defer func() { <-v.periods.turn }()
	case <-ctx.Done():
		return s, problemOf(ctx.Err())
	}
	ctx, cancel := context.WithTimeout(ctx, periodTimeout)
	defer cancel()
	slice, first := int64(r.kept()), max(0, until-int64(r.kept())*r.Step)
	for below := until; below > first; {
		from := max(first, below-slice*r.Step)
		a, err := v.reader.counts(ctx, r.Step, from, below)
		switch {
		case err == nil:
			s.apply(r.Name, a)
			below = from
		case slice > 1 && ctx.Err() == nil && (errors.Is(err, errTooLarge) || errors.Is(err, context.DeadlineExceeded)):
			slice = max(1, slice/4)
		case ctx.Err() != nil:
			return s, &Problem{Kind: Slow, Message: "InfluxDB could not answer for the whole range in time. Choose a shorter one"}
		default:
			return s, problemOf(err)
		}
	}
	return s, nil
}
