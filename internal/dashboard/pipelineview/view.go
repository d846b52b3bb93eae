// Package pipelineview tells how pipelines keep up: it reads their metrics, and
// Kafka where it is told of one, and sets the rates of all stages side by side.
package pipelineview

import (
	"context"
	"math"
	"slices"
	"sync"
	"time"
)

const (
	// tick is how often all is read while somebody looks, and idleTick else: rates
	// are there at once when somebody comes.
	tick     = time.Second
	idleTick = 5 * time.Second
	// history is how many readings are kept.
	history = 300
	// rateSpan is over how long a rate is, and latencySpan a quantile.
	rateSpan    = 5 * time.Second
	latencySpan = time.Minute
	// ratioSpan is over how long tweets a point are estimated.
	ratioSpan = 30 * time.Second
)

// Source says what to read.
type Source struct {
	Metrics []string // addresses of Prometheus endpoints
	Kafka   []string // brokers; none: what Kafka holds is told by the metrics
	Topic   string
	Group   string
	// Ended reports whether the process behind an address of Metrics has finished as
	// planned, or is not started yet, so that it is not asked or shown. It may be nil.
	Ended func(address string) bool
}

// View reads when it runs.
type View struct {
	endpoints []*endpoint
	hasEnded  func(address string) bool
	brokers   *brokers // nil without Kafka
	kafka     contact  // how asking them goes
	now       func() time.Time

	mu       sync.RWMutex
	watchers int
	wake     chan struct{}
	changed  chan struct{}
	revision uint64
	samples  []sample // oldest first
	facts    Facts
	totals   Totals
	answered bool // the brokers have, at least once
}

// sample is a reading of everything.
type sample struct {
	revision uint64
	at       time.Time
	counters [numCounters]float64 // since the view began
	gauges   [numGauges]float64
	known    [numGauges]bool
	timers   [numTimers]map[float64]float64 // observations since the view began, cumulative by bucket
	atLeast  bool                           // the lag is older than is remembered
	lags     map[partitionOf]float64        // from the brokers; nil if they are not asked
	rates    Rates
}

// New gives a view. It asks nothing yet.
func New(source Source) (*View, error) {
	v := &View{now: time.Now, revision: 1, wake: make(chan struct{}, 1), changed: make(chan struct{}), hasEnded: source.Ended}
	if v.hasEnded == nil {
		v.hasEnded = func(string) bool { return false }
	}
	for _, address := range source.Metrics {
		e, err := newEndpoint(address)
		if err != nil {
			return nil, err
		}
		v.endpoints = append(v.endpoints, e)
	}
	v.totals = v.total()
	if len(source.Kafka) > 0 {
		b, err := newBrokers(source.Kafka, source.Topic, source.Group)
		if err != nil {
			return nil, err
		}
		v.brokers = b
	}
	return v, nil
}

// Close lets go of Kafka.
func (v *View) Close() {
	if v.brokers != nil {
		v.brokers.close()
	}
}

// Run reads until the context ends.
func (v *View) Run(ctx context.Context) {
	for ctx.Err() == nil {
		begin := time.Now()
		v.read(ctx)
		if v.watched() || v.sleep(ctx, begin.Add(idleTick), v.wake) {
			// A new viewer waits for the next tick, so pages that connect and
			// disconnect cause no more scrapes than one that stays.
			v.sleep(ctx, begin.Add(tick), nil)
		}
	}
}

// sleep waits until a time and reports whether wake ended it early.
func (v *View) sleep(ctx context.Context, until time.Time, wake <-chan struct{}) (woken bool) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	case <-wake:
		return true
	}
	return false
}

// Watch says that somebody looks, until done is called.
func (v *View) Watch() (done func()) {
	v.mu.Lock()
	v.watchers++
	v.mu.Unlock()
	select {
	case v.wake <- struct{}{}:
	default:
	}
	return sync.OnceFunc(func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.watchers--
	})
}

func (v *View) watched() bool {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.watchers > 0
}

// Changed gives a channel that is closed at the next reading.
func (v *View) Changed() <-chan struct{} {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.changed
}

// read asks all at once and takes a sample.
func (v *View) read(ctx context.Context) {
	begin := v.now()
	var asking sync.WaitGroup
	scrapes := make([]*scrape, len(v.endpoints))
	errs := make([]error, len(v.endpoints))
	for i, e := range v.endpoints {
		if e.ended {
			continue
		}
		asking.Go(func() { scrapes[i], errs[i] = e.scrape(ctx, v.now) })
	}
	var state logState
	var kafkaError error
	if v.brokers != nil {
		asking.Go(func() { state, kafkaError = v.brokers.read(ctx, v.now) })
	}
	asking.Wait()
	if ctx.Err() != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	next := sample{at: v.now(), revision: v.revision + 1}
	for i := range next.timers {
		next.timers[i] = map[float64]float64{}
	}
	var period time.Duration
	if n := len(v.samples); n > 0 {
		period = next.at.Sub(v.samples[n-1].at)
		next.counters = v.samples[n-1].counters
		for i, buckets := range v.samples[n-1].timers {
			for bound, count := range buckets {
				next.timers[i][bound] = count
			}
		}
	}
	for i, e := range v.endpoints {
		// Asked after the scrape: a process that ends during it has not failed.
		if e.ended = v.hasEnded(e.address); e.ended {
			errs[i] = nil
		}
		e.note(errs[i], begin)
		if scrapes[i] == nil {
			continue
		}
		next.add(e.last, scrapes[i], period)
		e.cores = coresUsed(e.last, scrapes[i])
		e.last = scrapes[i]
	}
	v.kafka.note(kafkaError, begin)
	if v.brokers != nil && kafkaError == nil {
		v.answered = true
		next.counters[inKafka] += state.produced
		if state.lag >= 0 {
			next.gauges[lag], next.known[lag] = state.lag, true
			next.gauges[lagSeconds], next.known[lagSeconds] = state.seconds, true
			next.atLeast = state.atLeast
			next.lags = state.lags
		}
	}
	v.samples = append(v.samples, next)
	if len(v.samples) > history {
		v.samples = append(v.samples[:0:0], v.samples[len(v.samples)-history:]...)
	}
	v.judge(kafkaError)
	v.revision++
	close(v.changed)
	v.changed = make(chan struct{})
}

func (s *sample) add(before, now *scrape, period time.Duration) {
	if before != nil {
		grown(&s.counters, before, now, period)
		for i := range s.timers {
			observed(s.timers[i], before.timers[i], now.timers[i])
		}
	}
	for g := range numGauges {
		if !now.known[g] {
			continue
		}
		s.known[g] = true
		if largest[g] {
			s.gauges[g] = max(s.gauges[g], now.gauges[g])
		} else {
			s.gauges[g] += now.gauges[g]
		}
	}
}

// before gives the sample that is as old as a span, or the oldest; nil if there
// is but one.
func (v *View) before(span time.Duration) *sample {
	n := len(v.samples)
	if n < 2 {
		return nil
	}
	last := v.samples[n-1].at
	for i := n - 2; i >= 0; i-- {
		if last.Sub(v.samples[i].at) >= span-tick/2 {
			return &v.samples[i]
		}
	}
	return &v.samples[0]
}

// has reports whether any process that answers counts something. One that has ended has
// no error, even if it never answered.
func (v *View) has(c counter) bool {
	return slices.ContainsFunc(v.endpoints, func(e *endpoint) bool { return e.error == nil && e.last != nil && e.last.counts(c) })
}

var unknown = math.NaN()
