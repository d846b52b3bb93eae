package influxdb

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// errClosed is the error of writes that are in flight when the output is closed.
var errClosed = errors.New("the output is closed")

// call is the work of one WriteBatch. Its lines may be sent in several requests, each with
// lines of other calls.
type call struct {
	lines  lines
	sorted lines                // of order: series, see intoLanes
	batch  service.MessageBatch // the origin of the lines, for the log
	turn   turn
	done   chan struct{} // receives a value once every line has its verdict, or failure is set

	// Guarded by committer.mu.
	left     int   // lines without a verdict
	failure  error // why they will get none
	refusals []refusal
	requests []*request // that currently contain lines of this call
	gone     bool       // the caller has returned
}

// part is lines from to to of a call.
type part struct {
	call     *call
	from, to int
}

// lane is the set of lines that can share a request: those of a bucket and, with
// order: series, of a share of its series.
type lane struct {
	bucket string
	number int
}

// group is a set of points that will be sent in one request.
type group struct {
	lane   lane
	parts  []part
	points int
	bytes  int
	since  time.Time // arrival of its first point
}

// committer puts the points of concurrent calls into common requests (group commit). It
// keeps nothing that no caller waits for.
//
// A group is sent as soon as a request slot is free, so a slow stream is sent at once.
// While all slots are busy, the next group fills up. When its first point has waited for
// flushPeriod, the group is sent on one of as many spare slots: a hanging request must
// not delay live data.
//
// If ordered is set, a lane has one request at a time, so that of two values for one
// point the later one is written later, even after retries.
type committer struct {
	send        func(*request) // gives each line its verdict, or returns early if r.ctx has ended
	maxPoints   int
	maxBytes    int
	slots       int
	flushPeriod time.Duration
	ordered     bool

	ctx    context.Context
	cancel context.CancelFunc
	wait   sync.WaitGroup
	pool   sync.Pool // of *request

	mu      sync.Mutex
	queue   []*group        // in the order of sending
	open    map[lane]*group // the group of each lane that can still be filled
	busy    map[lane]bool   // ordered: lanes with a request in flight
	running int
	timer   *time.Timer   // for the first group of the queue
	last    chan struct{} // ordered: closed when the latest call is in the queue
	outage
}

func newCommitter(conf config, send func(*request)) *committer {
	c := &committer{
		send:        send,
		maxPoints:   conf.maxPoints,
		maxBytes:    conf.maxBodyBytes,
		slots:       conf.requestsInFlight,
		flushPeriod: conf.flushPeriod,
		ordered:     conf.ordered(),
		open:        map[lane]*group{},
		busy:        map[lane]bool{},
		outage:      outage{callers: map[*call]bool{}, told: map[*call]bool{}},
	}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.pool.New = func() any { return &request{committer: c} }
	c.timer = time.AfterFunc(time.Hour, c.overdue)
	c.timer.Stop()
	return c
}

func newCall() *call { return &call{done: make(chan struct{}, 1)} }

// reset makes a call reusable after its write has returned nil.
func (cl *call) reset() {
	cl.lines.reset()
	cl.sorted.reset()
	cl.batch, cl.turn, cl.failure = nil, turn{}, nil
	clear(cl.refusals)
	cl.refusals = cl.refusals[:0]
}

// write returns nil once each line of the call is stored or in cl.refusals. After an
// error, lines may still be in flight, and the call must not be reused. After
// errMisconfigured they are, and the same lines will be written again.
func (c *committer) write(ctx context.Context, cl *call) error {
	cl.turn.wait()
	cl.left = cl.lines.len()
	if cl.left == 0 {
		cl.turn.end()
		return nil
	}
	c.mu.Lock()
	waiting := c.adopt(cl)
	if waiting == nil {
		waiting = cl
		c.callers[cl] = true
		c.add(cl)
	}
	c.dispatch()
	c.mu.Unlock()
	cl.turn.end()

	var err error
	select {
	case <-waiting.done:
		err = waiting.failure
	case <-ctx.Done():
		err = ctx.Err()
	case <-c.ctx.Done():
		err = errClosed
	}
	if errors.Is(err, errMisconfigured) {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.callers, waiting)
		return err
	}
	c.leave(waiting, err != nil)
	if waiting != cl {
		cl.refusals = append(cl.refusals, waiting.refusals...)
	}
	return err
}

// add distributes the lines of a call over groups.
func (c *committer) add(cl *call) {
	from := 0
	for _, r := range cl.lines.runs {
		c.addRun(cl, lane{r.bucket, r.lane}, from, r.to)
		from = r.to
	}
}

func (c *committer) addRun(cl *call, at lane, from, end int) {
	for from < end {
		open := c.open[at]
		size := cl.lines.ends[from] - cl.lines.start(from)
		if open == nil || open.points >= c.maxPoints || open.bytes+size > c.maxBytes {
			open = &group{lane: at, since: time.Now()}
			c.queue = append(c.queue, open)
			c.open[at] = open
		}
		// Add the lines that fit by number and bytes, at least one.
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

// dispatch sends the groups that may be sent now, and sets the timer for one that may be
// sent later without another event.
func (c *committer) dispatch() {
	for c.ctx.Err() == nil && c.up == nil {
		at := slices.IndexFunc(c.queue, func(g *group) bool { return !c.busy[g.lane] })
		if at < 0 {
			return
		}
		first := c.queue[at]
		if c.running >= c.slots {
			if c.running >= 2*c.slots {
				return
			}
			if wait := time.Until(first.since.Add(c.flushPeriod)); wait > 0 {
				c.timer.Reset(wait)
				return
			}
		}
		c.queue = slices.Delete(c.queue, at, at+1)
		if c.open[first.lane] == first {
			delete(c.open, first.lane)
		}
		r := c.request(first)
		if r == nil {
			continue // all its callers have returned
		}
		c.running++
		if c.ordered {
			c.busy[r.lane] = true
		}
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

// request returns the request of a group, without lines that no caller waits for.
func (c *committer) request(g *group) *request {
	r := c.pool.Get().(*request)
	r.lane, r.bucket, r.parts = g.lane, g.lane.bucket, r.parts[:0]
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
	c.release(r)
	c.running--
	delete(c.busy, r.lane)
	c.dispatch()
}

// release ends a request.
func (c *committer) release(r *request) {
	r.cancel()
	for _, p := range r.parts {
		// The call may wait for other requests. A finished call was removed, and may be
		// in use for another batch, which does not contain this request.
		p.call.requests = slices.DeleteFunc(p.call.requests, func(other *request) bool { return other == r })
	}
	clear(r.parts)
	c.pool.Put(r)
}

// leave removes a call, gone if it has lines without a verdict. A request that no caller
// waits for is cancelled.
func (c *committer) leave(cl *call, gone bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.abandon(cl, gone)
}

func (c *committer) abandon(cl *call, gone bool) {
	cl.gone = gone
	for _, r := range cl.requests {
		if r.live--; r.live == 0 {
			r.cancel()
		}
	}
	cl.requests = cl.requests[:0]
	c.left(cl)
}

// close cancels all requests and returns when they have ended. Writes in flight fail with
// errClosed.
func (c *committer) close() {
	c.mu.Lock()
	c.timer.Stop()
	c.cancel()
	c.queue = nil
	clear(c.open)
	stop(&c.unheard)
	stop(&c.expiry)
	c.mu.Unlock()
	c.wait.Wait()
}
