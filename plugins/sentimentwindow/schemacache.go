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
	// maxSchemas bounds the schemas that are kept, and those that are missing.
	// Ids come from the records, so a hostile producer chooses how many there are.
	maxSchemas = 1000

	registryMinBackoff = 200 * time.Millisecond
	registryMaxBackoff = 10 * time.Second
	// registryForgets is how long an unknown id is answered from the cache.
	registryForgets = 30 * time.Second
	// registryPatience is how long a record waits on its thread for a registry
	// that has answered before. Without it the first batches of each schema would
	// be redelivered.
	registryPatience = 500 * time.Millisecond
	// neededLately is within which time a batch is redelivered that needs a schema.
	neededLately = 3 * time.Second
	// missingForgets is how long a missing schema is remembered that no record
	// needs any more, as when its partition has gone to another process.
	missingForgets = time.Minute
)

var (
	// errPostponed is for a message that its input redelivers: it is left out of
	// the result.
	errPostponed = errors.New("its input redelivers it")
	// errSchemaNotFound is the registry's answer that it has no such schema.
	errSchemaNotFound error = schemaError{errors.New("it has no such schema")}
)

// schemaError is about one schema: others may be had all the same.
type schemaError struct{ error }

// schemaEntry is what is known of a schema.
type schemaEntry struct {
	resolver *avro.Resolver
	size     int // of the schema's text
	err      error
	until    time.Time // an error is asked for again after this
}

// schemaCache keeps the schemas of the registry, asks for those that are missing,
// and decides who waits for them. Nothing is locked while the registry is asked:
// records of other schemas go on.
//
// A schema is asked for by one lookup at a time, and only while records need it,
// so that redelivered batches make no requests of their own. After a failure it
// rests, the longer the more there were. lookups.go decides which is next.
type schemaCache struct {
	// fetch asks the registry once. Its error may pass; what is final is in the
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
	impatient bool // the registry did not answer in time: it is not worth waiting for
	ticking   bool
	lines     loglimit.Limiter // of missing schemas
}

// missingSchema is a schema that records need and that is not known.
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

// resolver returns the resolver of a schema id. Its error is final, errPostponed,
// or the context's. A message whose context carries a Delivery is refused while
// the schema is missing; any other one waits here, since nobody would redeliver
// it.
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
		case <-l.lookup: // never, without one
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

// lookedUp is what a record learns of a schema.
type lookedUp struct {
	entry schemaEntry
	found bool

	lookup  chan struct{} // in flight, or nil
	patient bool          // and worth waiting for
	rest    time.Duration // until the next look
	err     error         // why it is missing
}

var errLookup = errors.New("the registry has not answered yet")

// look finds a schema, and has it looked up where that is due.
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
			return lookedUp{rest: registryMaxBackoff, err: fmt.Errorf("%d schemas are missing already", len(c.missing))}
		}
		c.queue.seen++
		m = &missingSchema{id: id, number: c.queue.seen, since: now, err: errLookup}
		c.missing[id], added = m, true
		c.tick()
	}
	m.needed = now
	if added || !c.queue.polling { // else each record would search all that are missing
		c.dispatch(now)
	}
	rest := registryMinBackoff
	if m.lookup == nil && !m.asked.IsZero() {
		rest = max(rest, m.next.Sub(now), c.queue.resting.Sub(now))
	}
	return lookedUp{lookup: m.lookup, patient: m.lookup != nil && !c.impatient, rest: rest, err: m.err}
}

// keep adds what is known of a schema. Ids come from the records, and schemas from
// whoever may write to the registry: both are bounded.
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

// forgetOne makes room for another missing schema. mu must be held.
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
	// Ids that hang, however many, must not keep a new one from its first lookup.
	if worst == nil {
		return false
	}
	delete(c.missing, worst.id)
	c.metrics.found(worst.id)
	return true
}

// forget drops a schema that no record needs any more. mu must be held.
func (c *schemaCache) forget(id int, m *missingSchema, now time.Time) bool {
	if m.lookup != nil || now.Sub(m.needed) <= missingForgets {
		return false
	}
	delete(c.missing, id)
	c.metrics.found(id)
	return true
}

// tick shows once a second what is missing, as long as something is. mu must be
// held.
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

// note logs which schemas are missing, at most once in a period. mu must be held.
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
		hint = fmt.Sprintf(". Register a schema that is missing; where it never was, %s.%s: %s makes its records dead letters", fieldRegistry, fieldUnknownSchema, unknownSchemaUndecodable)
	}
	schemas := "a schema"
	if len(failed) != 1 {
		schemas = fmt.Sprintf("%d schemas", len(failed))
	}
	c.log.Errorf("Records wait for %s of the registry %s: %s%s", schemas, c.url, &text, hint)
}

// maxNoted is how many schemas a line of the log names.
const maxNoted = 5

func (c *schemaCache) close() { c.stop() }
