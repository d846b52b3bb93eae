package sentimentwindow

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// The metrics, as they are declared and described.
var (
	declared metric.Set

	metricTweets    = declared.Counter("sentiment_window_tweets", "tweets", "tweets counted", metric.OneOf("sentiment", tweet.Sentiments()...))
	metricMade      = declared.Counter("sentiment_window_points", "points", "points made, coverage points among them")
	metricBatches   = declared.Counter("sentiment_window_batches", "record batches", "record batches counted, with `message: record_batch`")
	metricFiltered  = declared.Counter("sentiment_window_filtered", "messages", "messages, or records of a batch, that the `mapping` deletes: neither counted nor dead letters")
	metricRefused   = declared.Counter("sentiment_window_refused", "messages", "messages, or records of a batch, that could not be counted, and leave with an error", metric.OneOf("reason", contract.DeadReasons()...))
	metricPostponed = declared.Counter("sentiment_window_postponed", "messages",
		"messages that cannot be counted now and were left to `kafka_batches` to redeliver, each time: there is no room in its memory budget, a schema is missing, or the record batch is larger than `max_batch_bytes`",
		metric.OneOf("reason", postponedMemory, postponedSchema, postponedTooLarge))
	metricEarly          = declared.Counter("sentiment_window_unlikely_times", "tweets", "tweets counted in the first weeks of 1970, where timestamps lie that are in seconds, that were cut to 32 bits, or that were never set")
	metricNothingCounted = declared.Gauge("sentiment_window_nothing_counted", "", "1 if all of the first 1,000 records were dead letters, or the input delivers what the settings do not fit, until a record is counted; else 0")
	metricSlotsUsed      = declared.Gauge("sentiment_window_slots_used_ratio", "", "how many offsets the points of one window have in a partition, as a share of S: the largest of the last one to two minutes. From 1 on, points can replace each other")
)

// Metrics are all that the processor makes.
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
	}
}

// tally is what one batch became.
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
