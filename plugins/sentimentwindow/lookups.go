package sentimentwindow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	// maxFirstLookups is how many schemas are looked up for the first time at once.
	// Retries have slots of their own: ids for which the registry hangs must not delay
	// one that it would answer at once.
	maxFirstLookups = 2
	maxRetryLookups = 2
	maxLookups      = maxFirstLookups + maxRetryLookups

	// lookupTurn is how long a lookup keeps a slot that others wait for. It doubles with
	// each failure of the id, to adapt to a slow registry.
	lookupTurn = 250 * time.Millisecond
	// firstSpacing is the time between first lookups while no lookup is answered.
	firstSpacing = 500 * time.Millisecond
	// answeredLately is how long after a response a lookup that times out is not taken as
	// a failure of the registry as a whole.
	answeredLately = 30 * time.Second
	// lookupPoll is how often waiting lookups check whether they may begin.
	lookupPoll = 50 * time.Millisecond
)

// lookupQueue is the state of the registry, and of the lookups in flight.
type lookupQueue struct {
	seen    uint64 // missing schemas so far
	firsts  int    // lookups in flight that are the first of their id
	retries int    // and all others

	failures int  // of the registry, without an answer since
	refusing bool // the last failure was an error, not a time-out
	resting  time.Time
	answered time.Time // last, for any schema
	firstAt  time.Time // when the last first lookup began
	// newest is true if the next first lookup is of the newest id, else it is of the
	// oldest. With only one of them, a producer of random ids could starve a good one.
	newest  bool
	polling bool
}

// due reports whether a schema may be looked up now.
func (m *missingSchema) due(now time.Time) bool {
	return m.lookup == nil && !now.Before(m.next) && now.Sub(m.needed) < neededLately
}

// turn returns how long its lookup keeps a slot that another waits for.
func (m *missingSchema) turn() time.Duration {
	return min(lookupTurn<<min(m.failures, 10), registryTimeout)
}

// dispatch begins the lookups that may begin now, and checks again soon if some may not.
// mu must be held.
func (c *schemaCache) dispatch(now time.Time) {
	if c.ctx.Err() != nil {
		return
	}
	for {
		first, retry := c.waiting(now)
		switch {
		case first != nil && c.mayBegin(true, now):
			c.queue.newest = !c.queue.newest
			c.queue.firstAt = now
			c.begin(first, now)
			continue
		case retry != nil && c.mayBegin(false, now):
			c.begin(retry, now)
			continue
		}
		if (first != nil || retry != nil) && !c.queue.polling {
			c.queue.polling = true
			time.AfterFunc(lookupPoll, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.queue.polling = false
				c.dispatch(time.Now())
			})
		}
		return
	}
}

// waiting returns the next schema to look up for the first time, and the next to
// retry: the one requested least recently.
func (c *schemaCache) waiting(now time.Time) (first, retry *missingSchema) {
	for _, m := range c.missing {
		switch {
		case !m.due(now):
		case m.asked.IsZero():
			if first == nil || (m.number > first.number) == c.queue.newest {
				first = m
			}
		case retry == nil || cmp.Or(m.asked.Compare(retry.asked), cmp.Compare(m.number, retry.number)) < 0:
			retry = m
		}
	}
	return first, retry
}

// mayBegin reports whether a slot is free. If none is, it ends a lookup that has had its
// turn. A registry that responds with errors gets one lookup at a time, after a
// back-off. If it times out, this applies to retries only: it may hang for some ids and
// answer others, which only their first lookups can show.
func (c *schemaCache) mayBegin(first bool, now time.Time) bool {
	q := &c.queue
	taken, slots := q.retries, maxRetryLookups
	if first {
		taken, slots = q.firsts, maxFirstLookups
	}
	switch {
	case q.failures == 0:
	case q.refusing:
		if now.Before(q.resting) {
			return false
		}
		taken, slots = q.firsts+q.retries, 1
	case first && now.Sub(q.firstAt) < firstSpacing, !first && now.Before(q.resting):
		return false
	case !first:
		slots = 1
	}
	if taken < slots {
		return true
	}
	var longest *missingSchema
	for _, m := range c.missing {
		if m.lookup == nil || !q.refusing && m.first != first {
			continue
		}
		if m.yielded {
			return false // its slot will be free soon
		}
		if now.Sub(m.asked) >= m.turn() && (longest == nil || m.asked.Before(longest.asked)) {
			longest = m
		}
	}
	if longest != nil {
		longest.yielded = true
		longest.yield()
	}
	return false
}

// begin starts the lookup of a schema.
func (c *schemaCache) begin(m *missingSchema, now time.Time) {
	ctx, cancel := context.WithCancel(c.ctx)
	m.first = m.asked.IsZero()
	m.lookup, m.asked, m.yield, m.yielded = make(chan struct{}), now, cancel, false
	*c.slots(m)++
	go func() {
		defer cancel()
		e, err := c.fetch(ctx, m.id)
		c.mu.Lock()
		defer c.mu.Unlock()
		c.end(m, e, err)
	}()
}

// slots counts the lookups of the kind of m.
func (c *schemaCache) slots(m *missingSchema) *int {
	if m.first {
		return &c.queue.firsts
	}
	return &c.queue.retries
}

// end ends a lookup. mu must be held.
func (c *schemaCache) end(m *missingSchema, e schemaEntry, err error) {
	now := time.Now()
	*c.slots(m)--
	close(m.lookup)
	m.lookup = nil
	c.learn(m, err, now)
	if err == nil {
		c.keep(m.id, e)
		delete(c.missing, m.id)
		c.metrics.found(m.id)
	} else {
		m.err = err
		if m.yielded && silent(err) {
			m.err = fmt.Errorf("the registry did not respond within %s, and other schemas are waiting for a look-up", now.Sub(m.asked).Round(time.Millisecond))
		}
		m.next = now.Add(backoff(m.failures))
		m.failures++
		if c.ctx.Err() == nil {
			c.note(now)
		}
	}
	c.dispatch(now)
}

// learn updates the state of the registry as a whole.
func (c *schemaCache) learn(m *missingSchema, err error, now time.Time) {
	q := &c.queue
	var ofSchema schemaError
	if err == nil || errors.As(err, &ofSchema) {
		q.failures, q.resting, q.answered, c.impatient = 0, time.Time{}, now, false
		return
	}
	c.impatient = true
	switch quiet := silent(err); {
	case quiet && !q.answered.IsZero() && now.Sub(q.answered) < answeredLately:
	case quiet && m.first && q.failures > 0 && !q.refusing:
		// There may be endless new ids: they must not prolong the back-off of others.
	default:
		q.refusing = !quiet
		q.resting = now.Add(backoff(q.failures))
		q.failures++
	}
}

// silence is the error of a registry that did not respond in time.
type silence struct{ error }

func (silence) Is(target error) bool { return target == context.DeadlineExceeded }

// silent reports whether a lookup ended without a response.
func silent(err error) bool {
	var timeout net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) || errors.As(err, &timeout) && timeout.Timeout()
}

// backoff returns the delay after a failure, by the number of failures before it.
func backoff(failures int) time.Duration {
	return min(registryMinBackoff<<min(failures, 10), registryMaxBackoff)
}
