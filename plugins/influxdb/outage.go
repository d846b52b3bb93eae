package influxdb

import (
	"bytes"
	"slices"
	"time"
)

// outage is the state of a committer while a setting is wrong.
//
// When a WriteBatch returns ErrNotConnected, Benthos reconnects, and holds a lock until
// it has written that batch in another call. Other callers that have returned
// ErrNotConnected wait for the lock, and their batches are then written one after the
// other. So only one caller is told of an outage. All lines keep their place: no later
// line overtakes them, and a batch that waits for something else does not stop those
// behind the lock.
type outage struct {
	up      chan struct{}  // closed when requests may be sent again; nil: no outage
	callers map[*call]bool // waiting in write
	told    map[*call]bool // whose callers were told, and have not returned yet
	carrier *call          // has returned and is not done: Benthos holds the lock for it
	unheard *time.Timer    // runs until Connect is called
	expiry  *time.Timer    // ends the wait for callers that do not return
}

const (
	// unheardAfter is how long to wait for a call of Connect after a caller was told. If
	// there is none, another caller has the lock, and all are told.
	unheardAfter = 2 * time.Second
	// comeBack is how long after a successful Connect a batch may take to return. With a
	// mapping that uses the current time it returns as other lines, and counts as another
	// batch.
	comeBack = 5 * time.Second
)

// disconnect tells one caller that the output is not connected, and returns once Benthos
// has connected and the batch has returned. Its error is that of r.ctx.
func (c *committer) disconnect(r *request) error {
	c.mu.Lock()
	if r.ctx.Err() != nil {
		c.mu.Unlock()
		return r.ctx.Err() // no caller waits for its lines, so others must not stop
	}
	if c.up == nil {
		caller := c.carrier
		if !c.tellable(caller) {
			caller = nil
			for _, p := range r.parts {
				if c.tellable(p.call) && slices.Contains(p.call.requests, r) {
					caller = p.call
					break
				}
			}
		}
		c.up = make(chan struct{})
		if caller != nil {
			c.tell(caller)
		}
		c.unheard = time.AfterFunc(unheardAfter, c.tellAll)
	}
	up := c.up
	c.mu.Unlock()
	select {
	case <-up:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// tellable reports whether a caller still waits for verdicts.
func (c *committer) tellable(cl *call) bool { return c.callers[cl] && cl.left > 0 && cl.failure == nil }

func (c *committer) tell(cl *call) {
	c.told[cl] = true
	cl.failure = errMisconfigured
	cl.done <- struct{}{}
}

func (c *committer) tellAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.up == nil || c.unheard == nil {
		return
	}
	for cl := range c.callers {
		if c.tellable(cl) {
			c.tell(cl)
		}
	}
	if len(c.told) == 0 {
		c.end() // all callers have returned
		c.dispatch()
	}
}

// connecting is called when Benthos calls Connect.
func (c *committer) connecting() {
	c.mu.Lock()
	defer c.mu.Unlock()
	stop(&c.unheard)
}

// connected is called when Connect has succeeded.
func (c *committer) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.told) == 0 {
		// No caller will return to end the outage, and tellAll was stopped.
		c.end()
		c.dispatch()
		return
	}
	if c.expiry != nil {
		return
	}
	c.expiry = time.AfterFunc(comeBack, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for cl := range c.told {
			c.abandon(cl, true)
		}
		c.dispatch()
	})
}

// adopt returns the earlier call of a caller that returns with the same lines, so that
// stored lines are not sent again. It ends the outage.
func (c *committer) adopt(cl *call) *call {
	for was := range c.told {
		if c.callers[was] || !was.lines.equal(&cl.lines) {
			continue // or its caller still waits, and this is another call
		}
		delete(c.told, was)
		was.failure, was.batch = nil, cl.batch
		if was.left == 0 {
			was.done <- struct{}{}
		}
		c.callers[was] = true
		c.carrier = was
		c.end()
		return was
	}
	return nil
}

// left is called for each call whose caller no longer waits.
func (c *committer) left(cl *call) {
	delete(c.callers, cl)
	if c.carrier == cl {
		c.carrier = nil
	}
	if c.told[cl] {
		delete(c.told, cl)
		if len(c.told) == 0 {
			c.end()
		}
	}
}

func (c *committer) end() {
	if c.up != nil {
		close(c.up)
		c.up = nil
	}
	stop(&c.unheard)
	if len(c.told) == 0 {
		stop(&c.expiry)
	}
}

// stop stops a timer and sets it to nil.
func stop(timer **time.Timer) {
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
}

// equal reports whether these are the same lines for the same buckets, from the
// same messages.
func (l *lines) equal(other *lines) bool {
	return slices.Equal(l.ends, other.ends) && slices.Equal(l.runs, other.runs) && slices.Equal(l.from, other.from) && bytes.Equal(l.buf, other.buf)
}
