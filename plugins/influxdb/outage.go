package influxdb

import (
	"bytes"
	"slices"
	"time"
)

// outage is what a committer knows of a setting that somebody has to mend.
//
// Benthos connects anew when one WriteBatch returns ErrNotConnected, and holds a
// lock until the same batch, handed in again, is written: others that returned
// it wait for the lock, and are then written one after the other. So one caller
// alone is the messenger. Its lines, and all others, stay where they are: nothing
// that came later overtakes them, and a batch that waits for something else cannot
// hold up those behind the lock.
type outage struct {
	up        chan struct{} // closed when deliveries may go on; nil: there is no outage
	messenger *call         // whose caller has been told, and has not come back
	carrier   *call         // that has come back and is not done: Benthos holds the lock for it
	expiry    *time.Timer   // ends the wait for a caller who does not come back
}

// comeBack is how long after connecting the messenger's batch may take to come
// again. One that has other lines by then, since a mapping uses the time of day, is
// another batch.
const comeBack = 5 * time.Second

// disconnect lets one caller tell Benthos that the output is not connected, and
// returns when it has connected and the batch has come again. Its error is that
// of r.ctx.
func (c *committer) disconnect(r *request) error {
	c.mu.Lock()
	if c.up == nil {
		messenger := c.carrier
		if messenger == nil || messenger.left == 0 { // it is about to return
			messenger = nil
			for _, p := range r.parts {
				if p.call.left > 0 && slices.Contains(p.call.requests, r) {
					messenger = p.call
					break
				}
			}
		}
		if messenger == nil { // all callers have left
			c.mu.Unlock()
			<-r.ctx.Done()
			return r.ctx.Err()
		}
		c.up, c.messenger, c.carrier = make(chan struct{}), messenger, nil
		messenger.failure = errUnmended
		messenger.done <- struct{}{}
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

// adopt returns the messenger if these are its lines, for whom the caller then
// waits: what was stored of them before the outage stays so.
func (c *committer) adopt(cl *call) *call {
	m := c.messenger
	if m == nil || !m.lines.equal(&cl.lines) {
		return nil
	}
	m.failure, m.batch = nil, cl.batch
	if m.left == 0 {
		m.done <- struct{}{}
	} else {
		c.carrier = m
	}
	c.end()
	return m
}

// connected is called when connecting has succeeded.
func (c *committer) connected() {
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.messenger
	if m == nil || c.expiry != nil {
		return
	}
	c.expiry = time.AfterFunc(comeBack, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.messenger == m {
			c.abandon(m, true)
			c.dispatch()
		}
	})
}

// left is told of each call that nobody waits for any more.
func (c *committer) left(cl *call) {
	if c.carrier == cl {
		c.carrier = nil
	}
	if c.messenger == cl {
		c.end()
	}
}

func (c *committer) end() {
	c.forgetExpiry()
	c.messenger = nil
	close(c.up)
	c.up = nil
}

func (c *committer) forgetExpiry() {
	if c.expiry != nil {
		c.expiry.Stop()
		c.expiry = nil
	}
}

// equal reports whether these are the same lines for the same buckets, from the
// same messages.
func (l *lines) equal(other *lines) bool {
	return slices.Equal(l.ends, other.ends) && slices.Equal(l.runs, other.runs) && slices.Equal(l.from, other.from) && bytes.Equal(l.buf, other.buf)
}
