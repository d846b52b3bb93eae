package influxdb

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// errClosed is what writes get that are under way when the output is closed.
var errClosed = errors.New("the output is closed")

// call is what one WriteBatch wants written. Its lines may leave in several
// requests, each with lines of other calls.
type call struct {
	lines lines
	done  chan struct{} // one value once every line has its verdict, or failure

	// Guarded by committer.mu.
	left     int   // lines without a verdict
	failure  error // why they will not get one
	refusals []refusal
	requests []*request // that hold lines of this call now
	gone     bool       // the caller has left
}

// part is lines from to to of a call.
type part struct {
	call     *call
	from, to int
}

// group is points that will leave in one request.
type group struct {
	bucket string
	parts  []part
	points int
	bytes  int
	since  time.Time // when its first point came
}

// committer puts the points of calls that run at the same time into common
// requests (group commit). Nothing is kept that no caller waits for.
//
// A group leaves as soon as one of the request slots is free, so a slow stream
// is sent at once, and while all slots are busy the next group fills up. When its
// first point has waited flushPeriod, the group leaves on one of as many spare
// slots: one request that hangs must not hold up what is shown live.
type committer struct {
	send        func(*request) // gives each line its verdict, or returns when r.ctx has ended
	maxPoints   int
	maxBytes    int
	slots       int
	flushPeriod time.Duration

	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	pool   sync.Pool // of *request

	mu      sync.Mutex
	queue   []*group          // in the order of leaving
	open    map[string]*group // of those, the one of each bucket that can be filled
	running int
	timer   *time.Timer // for the first group of the queue
}

func newCommitter(conf config, send func(*request)) *committer {
	c := &committer{
		send:        send,
		maxPoints:   conf.maxPoints,
		maxBytes:    conf.maxBodyBytes,
		slots:       conf.requestsInFlight,
		flushPeriod: conf.flushPeriod,
		open:        map[string]*group{},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.pool.New = func() any { return &request{committer: c} }
	c.timer = time.AfterFunc(time.Hour, c.overdue)
	c.timer.Stop()
	return c
}

func newCall() *call { return &call{done: make(chan struct{}, 1)} }

// reset makes a call whose write has returned nil usable again.
func (cl *call) reset() {
	cl.lines.reset()
	cl.failure = nil
	clear(cl.refusals)
	cl.refusals = cl.refusals[:0]
}

// write returns nil when each line of the call is stored or stands in
// cl.refusals. With an error, lines may still be on their way, and the call must
// not be used again.
func (c *committer) write(ctx context.Context, cl *call) error {
	cl.left = cl.lines.len()
	if cl.left == 0 {
		return nil
	}
	c.mu.Lock()
	c.add(cl)
	c.dispatch()
	c.mu.Unlock()

	var err error
	select {
	case <-cl.done:
		err = cl.failure
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.ctx.Done():
		err = errClosed
	}
	c.leave(cl, err != nil)
	return err
}

// add cuts the lines of a call into groups.
func (c *committer) add(cl *call) {
	from := 0
	for _, r := range cl.lines.runs {
		c.addRun(cl, r.bucket, from, r.to)
		from = r.to
	}
}

func (c *committer) addRun(cl *call, bucket string, from, end int) {
	for from < end {
		open := c.open[bucket]
		size := cl.lines.ends[from] - cl.lines.start(from)
		if open == nil || open.points >= c.maxPoints || open.bytes+size > c.maxBytes {
			open = &group{bucket: bucket, since: time.Now()}
			c.queue = append(c.queue, open)
			c.open[bucket] = open
		}
		// The lines that fit: at most so many, and so many bytes. One always does.
		room := cl.lines.start(from) + c.maxBytes - open.bytes
		last := min(end, from+c.maxPoints-open.points)
		fit, exact := slices.BinarySearch(cl.lines.ends[from:last], room)
		if exact {
			fit++
		}
		to := from + max(fit, 1)
		open.parts = append(open.parts, part{cl, from, to})
		open.points += to - from
		open.bytes += cl.lines.ends[to-1] - cl.lines.start(from)
		from = to
	}
}

// dispatch starts what may leave now, and sets the timer for what may leave
// later without any other event.
func (c *committer) dispatch() {
	for len(c.queue) > 0 && c.ctx.Err() == nil {
		first := c.queue[0]
		if c.running >= c.slots {
			if c.running >= 2*c.slots {
				return
			}
			if wait := time.Until(first.since.Add(c.flushPeriod)); wait > 0 {
				c.timer.Reset(wait)
				return
			}
		}
		c.queue = slices.Delete(c.queue, 0, 1)
		if c.open[first.bucket] == first {
			delete(c.open, first.bucket)
		}
		r := c.request(first)
		if r == nil {
			continue // all its callers have left
		}
		c.running++
		c.wait.Go(func() {
			c.send(r)
			c.finish(r)
		})
	}
}

func (c *committer) overdue() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatch()
}

// request puts a group together, without the lines that nobody waits for.
func (c *committer) request(g *group) *request {
	r := c.pool.Get().(*request)
	r.bucket, r.parts = g.bucket, r.parts[:0]
	r.lines.reset()
	for _, p := range g.parts {
		if p.call.gone {
			continue
		}
		l := &p.call.lines
		shift := len(r.lines.buf) - l.start(p.from)
		r.parts = append(r.parts, placed{p, r.lines.len()})
		r.lines.buf = append(r.lines.buf, l.buf[l.start(p.from):l.ends[p.to-1]]...)
		for _, end := range l.ends[p.from:p.to] {
			r.lines.ends = append(r.lines.ends, end+shift)
		}
		p.call.requests = append(p.call.requests, r)
	}
	r.live = len(r.parts)
	if r.live == 0 {
		c.pool.Put(r)
		return nil
	}
	r.ctx, r.cancel = context.WithCancel(c.ctx)
	return r
}

func (c *committer) finish(r *request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r.cancel()
	for _, p := range r.parts {
		// A call that waits for its other requests. One that is done has been
		// taken out, and may be another one by now, which this request is not of.
		p.call.requests = slices.DeleteFunc(p.call.requests, func(other *request) bool { return other == r })
	}
	clear(r.parts)
	c.pool.Put(r)
	c.running--
	c.dispatch()
}

// leave takes a call out, gone if it has lines without a verdict. A request that
// nobody waits for any more is given up.
func (c *committer) leave(cl *call, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cl.gone = gone
	for _, r := range cl.requests {
		if r.live--; r.live == 0 {
			r.cancel()
		}
	}
	cl.requests = cl.requests[:0]
}

// close gives up all requests and returns when they have ended. Writes that are
// under way end with errClosed.
func (c *committer) close() {
	c.mu.Lock()
	c.timer.Stop()
	c.cancel()
	c.queue = nil
	clear(c.open)
	c.mu.Unlock()
	c.wait.Wait()
}
