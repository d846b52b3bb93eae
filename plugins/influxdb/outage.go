package influxdb

import (
	"bytes"
	"slices"
	"time"
)

// outage is what a committer knows of a wrong setting that somebody has to change.
//
// When a WriteBatch returns ErrNotConnected, Benthos connects again, and holds a
// lock until it has written that batch in another call. Other callers that have
// returned ErrNotConnected wait for the lock, and their batches are then written
// one after the other. So one caller alone is told of an outage. Its lines and all
// others keep their place: no later line overtakes them, and a batch that waits
// for something else does not stop those behind the lock.
type outage struct {
	up      chan struct{}  // closed when requests may be sent again; nil: there is no outage
	callers map[*call]bool // that wait in write
	told    map[*call]bool // whose callers have been told, and have not come back
	carrier *call          // has come back and is not done: Benthos holds the lock for it
	unheard *time.Timer    // runs until Connect is called
	expiry  *time.Timer    // ends the wait for callers that do not come back
}

const (
	// unheardAfter is how long Connect may take to be called when a caller has been
	// told. If it is not, another caller has the lock, and all are told.
	unheardAfter = 2 * time.Second
	// comeBack is how long after a successful Connect a batch may take to come back.
	// With a mapping that uses the time of day it comes back as other lines, and
	// counts as another batch.
	comeBack = 5 * time.Second
)

// disconnect tells one caller that the output is not connected, and returns when
// Benthos has connected and the batch is back. Its error is that of r.ctx.
func (c *committer) disconnect(r *request) error {
	c.mu.Lock()
	if r.ctx.Err() != nil {
		c.mu.Unlock()
		return r.ctx.Err() // nobody waits for its lines: that must not stop others
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

// tellable reports whether a caller waits, and for more than to return.
func (c *committer) tellable(cl *call) bool { return c.callers[cl] && cl.left > 0 && cl.failure == nil }

func (c *committer) tell(cl *call) {
	c.told[cl] = true
	cl.failure = errUnmended
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
		c.end() // all callers have left
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
		// Nobody comes back to end the outage, and tellAll has been stopped.
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

// adopt returns the call of a caller that has come back with the same lines, and
// now waits for them: those that are stored are not sent again. It ends the outage.
func (c *committer) adopt(cl *call) *call {
	for was := range c.told {
		if c.callers[was] || !was.lines.equal(&cl.lines) {
			continue // or its caller has not returned yet, and this is another one
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

// left is called for each call whose caller does not wait any more.
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

// stop stops a timer and forgets it.
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
