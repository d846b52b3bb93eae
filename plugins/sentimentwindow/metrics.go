package sentimentwindow

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

type processorMetrics struct {
	tweets  *service.MetricCounter
	points  *service.MetricCounter
	refused *service.MetricCounter
}

func newProcessorMetrics(m *service.Metrics) *processorMetrics {
	return &processorMetrics{
		tweets:  m.NewCounter("sentiment_window_tweets", "sentiment"),
		points:  m.NewCounter("sentiment_window_points"),
		refused: m.NewCounter("sentiment_window_refused", "reason"),
	}
}

// batch counts what one batch became. points is the number of points.
func (m *processorMetrics) batch(counted [tweet.NumSentiments]int64, points int64) {
	for i, n := range counted {
		if n > 0 {
			m.tweets.Incr(n, tweet.Sentiment(i).String())
		}
	}
	m.points.Incr(points)
}
