package influxdb

import (
	"context"
	"fmt"
	"time"
)

const (
	// maxAlone bounds the isolated lines. A further one holds up its request, and thus the
	// stream.
	maxAlone = 1024
	// A line becomes a dead letter without a known reason once it was rejected `repeated`
	// times in a row, over at least unexplainedFor, and its bucket accepted other points
	// between at least `witnessed` of these attempts. Counting restarts when the bucket
	// accepts points that it had rejected in the same way.
	repeated       = 8
	witnessed      = 3
	unexplainedFor = 10 * time.Second
)

// alone has the isolated lines: those that the server rejects for an unknown reason while
// it accepts others. They are retried outside of the request slots, so that only their
// own batches wait.
type alone struct {
	room  chan struct{} // holds a value for each line
	turns chan struct{} // holds a value for each request in flight
	count level
}

func newAlone(conf config, metrics *outputMetrics) *alone {
	return &alone{
		room:  make(chan struct{}, maxAlone),
		turns: make(chan struct{}, conf.requestsInFlight),
		count: level{gauge: metrics.alone},
	}
}

// isolated retries a line that is at fault by itself.
func (d *delivery) isolated(line int, answered decision) error {
	if d.r.committer.ordered {
		if d.held == nil {
			d.held = map[uint64]bool{}
		}
		series, _ := seriesOf(d.r.lines.line(line))
		d.held[series] = true
		d.waiting = append(d.waiting, line)
		return nil
	}
	select {
	case d.alone.room <- struct{}{}:
	case <-d.r.ctx.Done():
		return d.r.ctx.Err()
	}
	r := d.r.single(line)
	if r == nil {
		<-d.alone.room
		return nil // no caller waits for it
	}
	d.r.committer.wait.Go(func() {
		defer func() { <-d.alone.room }()
		d.sender.insist(r, answered)
		r.end()
	})
	return nil
}

// unheld returns the lines that may be sent now. The others wait behind an isolated line
// of their series.
func (d *delivery) unheld(set []int) []int {
	if len(d.held) == 0 {
		return set
	}
	var free []int
	for _, line := range set {
		if series, _ := seriesOf(d.r.lines.line(line)); d.held[series] {
			d.waiting = append(d.waiting, line)
		} else {
			free = append(free, line)
		}
	}
	return free
}

// behind delivers, with order: series, the lines that have waited for the rest of the
// request. Later requests of the lane wait.
func (d *delivery) behind() {
	for len(d.waiting) > 0 {
		waiting := d.waiting
		d.waiting, d.held = nil, nil
		// The first one is at fault, the others may be. If its caller has returned, those
		// of the others may still wait.
		if r := d.r.single(waiting[0]); r != nil {
			d.sender.insist(r, decision{})
			r.end()
		}
		if d.r.ctx.Err() != nil {
			return
		}
		if len(waiting) > 1 {
			if _, err := d.deliver(waiting[1:], false); err != nil {
				return
			}
		}
	}
}

// insist sends the single line of a request until it is accepted, rejected with a reason,
// or rejected so often that it never will be accepted. It also returns if r.ctx has
// ended.
func (s *sender) insist(r *request, answered decision) {
	s.alone.count.add(1)
	defer s.alone.count.add(-1)
	watch := s.witness.watch(r.bucket)
	defer watch.end()
	pause, began := newPause(s.conf), time.Now()
	var times, seen int
	begins := true
	for {
		if answered.isRefusal() {
			if watch.byChance() {
				times, seen = 0, 0
			}
			if times++; times == 1 || watch.others() {
				seen++
			}
			watch.renew()
		}
		if s.conf.mayRefuse() && times >= repeated && seen > witnessed && time.Since(began) >= unexplainedFor && answered.isRefusal() {
			answered.class = classUnexplained
			r.refuse(0, answered, fmt.Sprintf("rejected %d times in %s while its bucket accepted other points: status %d: %s",
				times, time.Since(began).Round(time.Second), answered.status, answered.reason))
			return
		}
		wait := pause.next(answered)
		if answered.status != 0 || answered.reason != "" {
			s.notes.alone(answered, r.about(r.all()), begins, wait)
			begins = false
		}
		if err := sleep(r.ctx, wait); err != nil {
			return
		}
		var err error
		if answered, err = s.inTurn(r); err != nil {
			return
		}
		switch {
		case answered.verdict == verdictStored:
			r.accept(r.all())
			s.witness.flapped(r.bucket)
			return
		case answered.verdict == verdictSplit, answered.verdict == verdictRejected && answered.explained():
			r.refuse(0, answered, blamed(answered, 1, r.lines.line).reason(0, answered))
			return
		case answered.aboutSettings(), answered.verdict == verdictMisconfigured && !s.reachable(r):
			s.notes.complain(answered, r.about(r.all()))
			if r.committer.disconnect(r) != nil {
				return
			}
			answered, pause, times, seen = decision{}, newPause(s.conf), 0, 0
		}
		s.metrics.retries.Incr(1)
	}
}

// mayRefuse reports whether a rejected point has a destination. Without one it has to
// wait.
func (c config) mayRefuse() bool { return c.rejected || c.onReject == onRejectNack }

// inTurn sends the single line of a request on a new connection: behind a load balancer,
// only the server of one connection may be at fault.
func (s *sender) inTurn(r *request) (decision, error) {
	select {
	case s.alone.turns <- struct{}{}:
		defer func() { <-s.alone.turns }()
	case <-r.ctx.Done():
		return decision{}, r.ctx.Err()
	}
	return s.once(unshared(r.ctx), r.bucket, r.lines.buf, 1)
}

// reachable reports whether a request without points succeeds, or fails temporarily.
func (s *sender) reachable(r *request) bool {
	empty, err := s.once(r.ctx, r.bucket, nil, 0)
	return err != nil || empty.verdict != verdictMisconfigured
}

// unsharedKey marks the context of a request whose connection ends with it.
type unsharedKey struct{}

func unshared(ctx context.Context) context.Context {
	return context.WithValue(ctx, unsharedKey{}, true)
}

// single returns a request of one line, or nil if no caller waits for it.
func (r *request) single(line int) *request {
	c := r.committer
	c.mu.Lock()
	defer c.mu.Unlock()
	p := r.parts[r.partOf(line)]
	at := p.from + line - p.first
	return c.request(&group{lane: r.lane, parts: []part{{p.call, at, at + 1}}, points: 1})
}

func (r *request) end() {
	r.committer.mu.Lock()
	defer r.committer.mu.Unlock()
	r.committer.release(r)
}
