package sentimentwindow

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Declarations of the metrics.
var (
	declared metric.Set

	metricTweets    = declared.Counter("sentiment_window_tweets", "tweets", "tweets counted", metric.OneOf("sentiment", tweet.Sentiments()...))
	metricMade      = declared.Counter("sentiment_window_points", "points", "points emitted, including coverage points")
	metricBatches   = declared.Counter("sentiment_window_batches", "record batches", "record batches counted, with `message: record_batch`")
	metricFiltered  = declared.Counter("sentiment_window_filtered", "messages", "messages, or records of a batch, that the `mapping` deleted: neither counted nor dead letters")
	metricRefused   = declared.Counter("sentiment_window_refused", "messages", "dead letters: messages, or records of a batch, that could not be counted", metric.OneOf("reason", contract.DeadReasons()...))
	metricPostponed = declared.Counter("sentiment_window_postponed", "messages",
		"times that `kafka_batches` was asked to redeliver a message that cannot be counted yet: its memory budget is exhausted, a schema is missing, or the record batch is larger than `max_batch_bytes`",
		metric.OneOf("reason", postponedMemory, postponedSchema, postponedTooLarge))
	metricEarly          = declared.Counter("sentiment_window_unlikely_times", "tweets", "tweets counted in the first weeks of 1970: their timestamps are probably in seconds, truncated to 32 bits, or never set")
	metricNothingCounted = declared.Gauge("sentiment_window_nothing_counted", "", "1 if the first 1,000 records were all dead letters, or the messages of the input do not fit the settings, until a record is counted; else 0")
	metricSlotsUsed      = declared.Gauge("sentiment_window_slots_used_ratio", "", "offsets that the points of one window span in a partition, as a share of S: the maximum of the last one to two minutes. From 1 on, points can replace each other")

	metricBrandSkew = declared.Gauge("sentiment_window_brand_skew_ratio", "",
		"share of a brand in the tweets counted in the last two seconds, if it has more than half of them; else 0. With `emit: windows`",
		metric.Of("brand", fmt.Sprintf("the beginning of its name; `%s` beyond %d of them", hotkey.OtherLabel, hotkey.MaxLabels)))
)

// Metrics returns the metrics of the processor.
func Metrics() []metric.Description { return declared.All() }

type processorMetrics struct {
	tweets    *service.MetricCounter
	points    *service.MetricCounter
	batches   *service.MetricCounter
	refused   *service.MetricCounter
	filtered  *service.MetricCounter
	postponed *service.MetricCounter
	early     *service.MetricCounter

	nothingCounted *service.MetricGauge
	slotsUsed      *service.MetricGauge
	brandSkew      *service.MetricGauge
}

func newProcessorMetrics(m *service.Metrics) *processorMetrics {
	return &processorMetrics{
		tweets:    metricTweets.New(m),
		points:    metricMade.New(m),
		batches:   metricBatches.New(m),
		refused:   metricRefused.New(m),
		filtered:  metricFiltered.New(m),
		postponed: metricPostponed.New(m),
		early:     metricEarly.New(m),

		nothingCounted: metricNothingCounted.New(m),
		slotsUsed:      metricSlotsUsed.New(m),
		brandSkew:      metricBrandSkew.New(m),
	}
}

// tally counts the results of one batch.
type tally struct {
	tweets   [tweet.NumSentiments]int64
	points   int64
	batches  int64 // record batches
	filtered int64
	early    earlyTweets
	refused  refusals
}

func (m *processorMetrics) add(t *tally) {
	for i, n := range t.tweets {
		if n > 0 {
			m.tweets.Incr(n, tweet.Sentiment(i).String())
		}
	}
	m.early.Incr(t.early.count)
	m.points.Incr(t.points)
	m.batches.Incr(t.batches)
	m.filtered.Incr(t.filtered)
}
