package tweetgen

import (
	"sync/atomic"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// tally counts what has happened, for the progress display and for metrics.
type tally struct {
	generated atomic.Int64 // tweets handed on
	delivered atomic.Int64 // of these, acknowledged
	errors    atomic.Int64 // batches refused, and sent again
	missed    atomic.Int64

	metrics metrics
}

type metrics struct {
	generated, delivered, batches, errors, missed *service.MetricCounter
	mix                                           *service.MetricGauge
}

func newTally(m *service.Metrics) *tally {
	return &tally{metrics: metrics{
		generated: m.NewCounter("tweet_generator_generated"),
		delivered: m.NewCounter("tweet_generator_delivered"),
		batches:   m.NewCounter("tweet_generator_batches"),
		errors:    m.NewCounter("tweet_generator_errors"),
		missed:    m.NewCounter("tweet_generator_missed"),
		mix:       m.NewGauge("tweet_generator_mix", "sentiment"),
	}}
}

func (t *tally) addGenerated(p plan) {
	size := p.size()
	t.generated.Add(int64(size))
	t.metrics.generated.Incr(int64(size))
	t.metrics.batches.Incr(1)
	for s, n := range p.counts {
		t.metrics.mix.SetFloat64(100*float64(n)/float64(size), tweet.Sentiment(s).String())
	}
}

func (t *tally) addDelivered(size int) {
	t.delivered.Add(int64(size))
	t.metrics.delivered.Incr(int64(size))
}

func (t *tally) addError() {
	t.errors.Add(1)
	t.metrics.errors.Incr(1)
}

func (t *tally) addMissed(n int64) {
	if n > 0 {
		t.missed.Add(n)
		t.metrics.missed.Incr(n)
	}
}
