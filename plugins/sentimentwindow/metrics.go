package sentimentwindow

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// The metrics, as they are declared and described.
var (
	declared metric.Set

	metricTweets  = declared.Counter("sentiment_window_tweets", "tweets", "tweets counted", metric.OneOf("sentiment", tweet.Sentiments()...))
	metricMade    = declared.Counter("sentiment_window_points", "points", "points made, coverage points among them")
	metricBatches = declared.Counter("sentiment_window_batches", "record batches", "record batches counted, with `message: record_batch`")
	metricRefused = declared.Counter("sentiment_window_refused", "messages", "messages, or records of a batch, that could not be counted, and leave with an error", metric.OneOf("reason", reasons()...))
)

// Metrics are all that the processor makes.
func Metrics() []metric.Description { return declared.All() }

type processorMetrics struct {
	tweets  *service.MetricCounter
	points  *service.MetricCounter
	batches *service.MetricCounter
	refused *service.MetricCounter
}

func newProcessorMetrics(m *service.Metrics) *processorMetrics {
	return &processorMetrics{
		tweets:  metricTweets.New(m),
		points:  metricMade.New(m),
		batches: metricBatches.New(m),
		refused: metricRefused.New(m),
	}
}

// tally is what one batch became.
type tally struct {
	tweets  [tweet.NumSentiments]int64
	points  int64
	batches int64 // record batches
}

func (m *processorMetrics) add(t *tally) {
	for i, n := range t.tweets {
		if n > 0 {
			m.tweets.Incr(n, tweet.Sentiment(i).String())
		}
	}
	m.points.Incr(t.points)
	m.batches.Incr(t.batches)
}
