package sentimentwindow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/loglimit"
)

const (
	// maxSchemas bounds the cached schemas, and the missing ones. Ids come from the
	// records, so a hostile producer chooses their number.
	maxSchemas = 1000

	registryMinBackoff = 200 * time.Millisecond
	registryMaxBackoff = 10 * time.Second
	// registryForgets is how long an unknown id is cached.
	registryForgets = 30 * time.Second
	// registryPatience is how long a record waits on its thread for a registry that has
	// responded before. Without it the first batches of each schema would be
	// redelivered.
	registryPatience = 500 * time.Millisecond
	// neededLately is the time within which a batch that needs a schema is redelivered.
	neededLately = 3 * time.Second
	// missingForgets is how long a missing schema is remembered after the last record
	// that needs it, which may have moved to another process with its partition.
	missingForgets = time.Minute
)

var (
	// errPostponed is the error of a message that its input redelivers. The result does
	// not include it.
	errPostponed = errors.New("its input redelivers it")
	// errSchemaNotFound is the registry's response that it has no such schema.
	errSchemaNotFound error = schemaError{errors.New("it has no such schema")}
)

// schemaError is an error about one schema; others may still be available.
type schemaError struct{ error }

// schemaEntry is the cached result of a look-up.
type schemaEntry struct {
	resolver *avro.Resolver
	size     int // of the schema's text
	err      error
	until    time.Time // when an error expires
}

// schemaCache caches the schemas of the registry, requests missing ones, and decides
// which records wait for them. No lock is held during a request, so records of other
// schemas continue.
//
// Each schema has one lookup at a time, and only while records need it, so redelivered
// batches make no requests of their own. After failures there is a back-off. lookups.go
// decides which schema is next.
type schemaCache struct {
	// fetch requests a schema once. Its error may be temporary; a final one is in the
	// entry.
	fetch   func(ctx context.Context, id int) (schemaEntry, error)
	url     string
	log     *service.Logger
	metrics *schemaMetrics

	ctx  context.Context // of the lookups
	stop context.CancelFunc

	mu        sync.RWMutex
	known     map[int]schemaEntry
	kept      int // bytes of the texts of those
	missing   map[int]*missingSchema
	queue     lookupQueue
	impatient bool // the registry did not respond in time, so records do not wait on their threads
	ticking   bool
	lines     loglimit.Limiter // of missing schemas
}

// missingSchema is an unknown schema that records need.
type missingSchema struct {
	id       int
	number   uint64 // in the order in which they were first needed
	since    time.Time
	needed   time.Time     // last, by a record
	lookup   chan struct{} // closed when the lookup in flight ends; nil without one
	asked    time.Time     // when the last lookup began; zero before the first
	first    bool          // the lookup in flight is its first
	yield    func()        // ends the lookup in flight, for another
	yielded  bool
	failures int
	next     time.Time // no lookup before
	err      error     // of the last lookup
}

func newSchemaCache(url string, log *service.Logger, metrics *schemaMetrics, fetch func(ctx context.Context, id int) (schemaEntry, error)) *schemaCache {
	c := &schemaCache{lines: loglimit.Limiter{Period: notePeriod}, fetch: fetch, url: url, log: log, metrics: metrics, known: map[int]schemaEntry{}, missing: map[int]*missingSchema{}}
	c.ctx, c.stop = context.WithCancel(context.Background())
	return c
}

// resolver returns the resolver of a schema id. Its error is final, errPostponed, or the
// context's. While the schema is missing, a message whose context carries a Delivery is
// left to the input to redeliver. Any other message waits here, since nothing would
// redeliver it.
func (c *schemaCache) resolver(ctx context.Context, id int) (*avro.Resolver, error) {
	if e, ok := c.get(id); ok {
		return e.resolver, e.err
	}
	patience := time.NewTimer(registryPatience)
	defer patience.Stop()
	for waited := false; ; {
		l := c.look(id)
		if l.found {
			return l.entry.resolver, l.entry.err
		}
		if l.patient && !waited {
			select {
			case <-l.lookup:
				continue
			case <-ctx.Done():
				return nil, ctx.Err()
			case <-patience.C:
				waited = true
				c.lostPatience()
			}
		}
		if delivery.Of(ctx).Refuse(fmt.Errorf("waiting for schema %d of %s: %w", id, c.url, l.err)) {
			c.metrics.postponed.Incr(1, postponedSchema)
			return nil, errPostponed
		}
		retry := time.NewTimer(max(l.rest, time.Millisecond))
		select {
		case <-l.lookup: // blocks if nil
		case <-retry.C:
		case <-ctx.Done():
		}
		retry.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (c *schemaCache) get(id int) (schemaEntry, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	e, ok := c.known[id]
	return e, ok && (e.err == nil || time.Now().Before(e.until))
}

// lookedUp is the state of a schema for a record.
type lookedUp struct {
	entry schemaEntry
	found bool

	lookup  chan struct{} // in flight, or nil
	patient bool          // wait for it on the thread
	rest    time.Duration // until the next attempt
	err     error         // why it is missing
}

var errLookup = errors.New("the registry has not responded yet")

// look returns the state of a schema, and begins a lookup if one is due.
func (c *schemaCache) look(id int) lookedUp {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	if e, ok := c.known[id]; ok && (e.err == nil || now.Before(e.until)) {
		return lookedUp{entry: e, found: true}
	}
	m, added := c.missing[id], false
	if m == nil {
		if len(c.missing) >= maxSchemas && !c.forgetOne(now) {
			return lookedUp{rest: registryMaxBackoff, err: fmt.Errorf("%d other schemas are missing already, the most that are tracked", len(c.missing))}
		}
		c.queue.seen++
		m = &missingSchema{id: id, number: c.queue.seen, since: now, err: errLookup}
		c.missing[id], added = m, true
		c.tick()
	}
	m.needed = now
	if added || !c.queue.polling { // otherwise each record would search all missing schemas
		c.dispatch(now)
	}
	rest := registryMinBackoff
	if m.lookup == nil && !m.asked.IsZero() {
		rest = max(rest, m.next.Sub(now), c.queue.resting.Sub(now))
	}
	return lookedUp{lookup: m.lookup, patient: m.lookup != nil && !c.impatient, rest: rest, err: m.err}
}

// keep adds an entry to the cache. Ids come from the records, and schemas from anyone who
// may write to the registry: both are bounded.
func (c *schemaCache) keep(id int, e schemaEntry) {
	if len(c.known) >= maxSchemas || c.kept+e.size > maxKeptBytes {
		clear(c.known)
		c.kept = 0
	}
	c.kept += e.size - c.known[id].size
	c.known[id] = e
}

func (c *schemaCache) lostPatience() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.impatient = true
}

// forgetOne removes a missing schema to make room for another. mu must be held.
func (c *schemaCache) forgetOne(now time.Time) bool {
	var worst *missingSchema
	for id, m := range c.missing {
		if c.forget(id, m, now) {
			return true
		}
		if m.lookup == nil && m.failures > 0 && (worst == nil || m.failures > worst.failures) {
			worst = m
		}
	}
	// Many ids for which the registry hangs must not prevent the first lookup of a new
	// one.
	if worst == nil {
		return false
	}
	delete(c.missing, worst.id)
	c.metrics.found(worst.id)
	return true
}

// forget removes a missing schema that no record needs any more. mu must be held.
func (c *schemaCache) forget(id int, m *missingSchema, now time.Time) bool {
	if m.lookup != nil || now.Sub(m.needed) <= missingForgets {
		return false
	}
	delete(c.missing, id)
	c.metrics.found(id)
	return true
}

// tick updates the metrics once per second while schemas are missing. mu must be held.
func (c *schemaCache) tick() {
	if c.ticking {
		return
	}
	c.ticking = true
	time.AfterFunc(time.Second, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.ticking = false
		now := time.Now()
		for id, m := range c.missing {
			if !c.forget(id, m, now) {
				c.metrics.missing(id, now.Sub(m.since))
			}
		}
		c.metrics.shown()
		if len(c.missing) > 0 && c.ctx.Err() == nil {
			c.tick()
		}
	})
}

// note logs which schemas are missing, at most once per period. mu must be held.
func (c *schemaCache) note(now time.Time) {
	if !c.lines.Due("", now) {
		return
	}
	var failed []int
	for id, m := range c.missing {
		if m.failures > 0 {
			failed = append(failed, id)
		}
	}
	slices.SortFunc(failed, func(a, b int) int {
		return cmp.Or(c.missing[a].since.Compare(c.missing[b].since), cmp.Compare(a, b))
	})
	var text strings.Builder
	for i, id := range failed[:min(len(failed), maxNoted)] {
		if i > 0 {
			text.WriteString("; ")
		}
		m := c.missing[id]
		fmt.Fprintf(&text, "schema %d since %s: %v", id, m.since.UTC().Format(time.TimeOnly+"Z"), m.err)
	}
	if more := len(failed) - maxNoted; more > 0 {
		fmt.Fprintf(&text, "; and %d more", more)
	}
	hint := ""
	if slices.ContainsFunc(failed, func(id int) bool { return errors.Is(c.missing[id].err, errSchemaNotFound) }) {
		hint = fmt.Sprintf(". Register missing schemas, or set %s.%s: %s to turn their records into dead letters", fieldRegistry, fieldUnknownSchema, unknownSchemaUndecodable)
	}
	schemas := "a schema"
	if len(failed) != 1 {
		schemas = fmt.Sprintf("%d schemas", len(failed))
	}
	c.log.Errorf("Records wait for %s of the schema registry %s: %s%s", schemas, c.url, &text, hint)
}

// maxNoted is the number of schemas that a log line names.
const maxNoted = 5

func (c *schemaCache) close() { c.stop() }
