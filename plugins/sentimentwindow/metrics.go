package sentimentwindow

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

type processorMetrics struct {
	tweets  *service.MetricCounter
	points  *service.MetricCounter
	batches *service.MetricCounter
	refused *service.MetricCounter
}

func newProcessorMetrics(m *service.Metrics) *processorMetrics {
	return &processorMetrics{
		tweets:  m.NewCounter("sentiment_window_tweets", "sentiment"),
		points:  m.NewCounter("sentiment_window_points"),
		batches: m.NewCounter("sentiment_window_batches"),
		refused: m.NewCounter("sentiment_window_refused", "reason"),
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
