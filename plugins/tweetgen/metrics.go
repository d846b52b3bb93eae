package tweetgen

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/dustin/go-humanize"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Declarations of the metrics.
var (
	declared metric.Set

	metricGenerated = declared.Counter("tweet_generator_generated", "tweets", "tweets delivered to the pipeline, each counted once even if it is redelivered")
	metricDelivered = declared.Counter("tweet_generator_delivered", "tweets", "tweets acknowledged")
	metricBatches   = declared.Counter("tweet_generator_batches", "batches", "batches, or parts of batches, delivered to the pipeline, each counted once even if it is redelivered")
	metricErrors    = declared.Counter("tweet_generator_errors", "batches", "nacks: a batch, or a part of one, failed and is redelivered")
	metricMissed    = declared.Counter("tweet_generator_missed", "tweets", "tweets delayed because the pipeline fell more than a second behind `rate` or `shape`; they are generated later, so `count` is still reached")
	metricFlawed    = declared.Counter("tweet_generator_flawed", "tweets", "tweets delivered to the pipeline with one of `flaws`; a duplicated one is counted once, and its copy not in `tweet_generator_generated`", metric.OneOf("flaw", flawNames[late:]...))
	metricMix       = declared.Gauge("tweet_generator_mix", "percent", "share of a sentiment in the latest batch", metric.OneOf("sentiment", tweet.Sentiments()...))
)

// Metrics returns the metrics of the input.
func Metrics() []metric.Description { return declared.All() }

// tally counts tweets and errors, for the progress display and the metrics.
type tally struct {
	generated atomic.Int64 // tweets delivered to the pipeline
	delivered atomic.Int64 // of these, acknowledged
	errors    atomic.Int64 // nacked batches
	missed    atomic.Int64
	flaws     [numFlaws]atomic.Int64            // tweets, of those generated
	countable [tweet.NumSentiments]atomic.Int64 // records of those generated

	metrics metrics
}

type metrics struct {
	generated, delivered, batches, errors, missed *service.MetricCounter
	flawed                                        *service.MetricCounter
	mix                                           *service.MetricGauge
}

func newTally(m *service.Metrics) *tally {
	return &tally{metrics: metrics{
		generated: metricGenerated.New(m),
		delivered: metricDelivered.New(m),
		batches:   metricBatches.New(m),
		errors:    metricErrors.New(m),
		missed:    metricMissed.New(m),
		flawed:    metricFlawed.New(m),
		mix:       metricMix.New(m),
	}}
}

func (t *tally) addGenerated(b *batch) {
	p, size := b.plan, b.plan.size()
	for s, n := range b.contents.countable {
		t.countable[s].Add(int64(n))
	}
	for f := late; f < numFlaws; f++ {
		if n := int64(b.contents.flaws[f]); n > 0 {
			t.flaws[f].Add(n)
			t.metrics.flawed.Incr(n, f.String())
		}
	}
	t.generated.Add(int64(size))
	t.metrics.generated.Incr(int64(size))
	t.metrics.batches.Incr(1)
	for s, n := range p.counts {
		t.metrics.mix.SetFloat64(100*float64(n)/float64(p.counts.total()), tweet.Sentiment(s).String())
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

// flawed returns a line about the tweets with flaws.
func (t *tally) flawed() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Generated %s tweets, of which", humanize.Comma(t.generated.Load()))
	for f := late; f < numFlaws; f++ {
		fmt.Fprintf(&b, " %s %s,", humanize.Comma(t.flaws[f].Load()), f)
	}
	fmt.Fprintf(&b, " in %s records", humanize.Comma(t.generated.Load()+t.flaws[duplicated].Load()))
	return b.String()
}
