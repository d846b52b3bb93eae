package brandview

import (
	"context"
	"time"
)

const (
	// interval lies between two readings of the newest seconds.
	interval = 500 * time.Millisecond
	// busyShare bounds how much of the time InfluxDB works for the dashboard: it
	// rests at least so many times as long as the newest seconds took to read.
	busyShare = 2
	// liveTimeout is how long that may take: what is older may take longer.
	liveTimeout = 5 * time.Second
	// liveSeconds are read every time: tweets of several partitions come apart.
	liveSeconds = 5
	// edgeSeconds are read behind the newest tweet, where that is older: a pipeline
	// that is behind fills them.
	edgeSeconds = 30
	// recentSeconds are read again every recentAgain, and the base every baseAgain.
	recentSeconds = 60
	recentAgain   = 5 * time.Second
	baseAgain     = 30 * time.Second
	// linger is how long reading goes on when nobody looks any more.
	linger = time.Minute
	// retryLongest is the longest wait after an error.
	retryLongest = 5 * time.Second
)

// Run reads until the context ends, while anybody is watching. A viewer that connects
// between two readings waits for the next one, so pages that connect and disconnect
// cause no more queries than one that stays.
func (v *View) Run(ctx context.Context) {
	p := poller{view: v, store: v.store, jobs: newJobs()}
	for ctx.Err() == nil {
		if !v.watching.anybody() && time.Since(p.looked) > linger {
			if !v.watching.await(ctx) {
				return
			}
			p.restart()
		}
		if v.watching.anybody() {
			p.looked = time.Now()
		}
		timer := time.NewTimer(p.read(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

type poller struct {
	view   *View
	store  *store
	jobs   []*job
	looked time.Time
	failed int // times in a row
}

// restart begins after a pause in which nothing was asked for.
func (p *poller) restart() {
	p.store.advance(time.Now().Unix())
	p.store.unasked()
	p.reread()
}

// reread asks for everything again.
func (p *poller) reread() {
	p.store.forget()
	for _, j := range p.jobs {
		j.due, j.below = time.Time{}, 0
	}
}

// read asks for the newest seconds and for a slice of what is older, and says
// when to do so again.
func (p *poller) read(ctx context.Context) (wait time.Duration) {
	begin := time.Now()
	p.store.advance(begin.Unix())
	live, done := context.WithTimeout(ctx, liveTimeout)
	err := p.live(live)
	done()
	took := time.Since(begin)
	if err == nil {
		err = p.older(ctx, begin)
	}
	if ctx.Err() != nil {
		return 0
	}
	p.store.report(err, begin)
	if err != nil {
		p.failed = min(p.failed+1, 10)
		return min(interval<<p.failed, retryLongest)
	}
	p.failed = 0
	return max(interval, busyShare*took) - min(time.Since(begin), interval)
}

func (p *poller) live(ctx context.Context) error {
	head, newest, read := p.store.edge()
	from := head - liveSeconds + 1
	a, err := p.view.reader.counts(ctx, 1, from, head+1)
	if err != nil {
		return err
	}
	if read < from {
		// Nothing is known of the seconds of an outage, and they must not look empty.
		p.reread()
	}
	p.store.apply("", a)
	if newest > 0 && newest <= head-liveSeconds {
		from := max(newest-liveSeconds, head-baseSeconds+1)
		if to := min(newest+edgeSeconds, head-liveSeconds+1); from < to {
			return p.ask(ctx, "", 1, from, to)
		}
	}
	return nil
}

func (p *poller) ask(ctx context.Context, name string, step, from, to int64) error {
	a, err := p.view.reader.counts(ctx, step, from, to)
	if err != nil {
		return err
	}
	p.store.apply(name, a)
	return nil
}

// report notes how a reading went that began at a time.
func (s *store) report(err error, begin time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.status
	if err == nil {
		s.status = Status{Asked: true}
	} else {
		s.status.Problem = problemOf(err)
		if before.Problem == nil {
			s.status.Since = begin.UnixMilli()
		}
	}
	if same := before.Asked == s.status.Asked && sameProblem(before.Problem, s.status.Problem); !same {
		s.touch()
	}
}

func sameProblem(a, b *Problem) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// unasked forgets how the last reading went.
func (s *store) unasked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.status = Status{}
}

// edge gives the newest second, the newest with a tweet, and the end of what
// InfluxDB has answered for.
func (s *store) edge() (head, newest, read int64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.base.head, s.newest, s.read
}
