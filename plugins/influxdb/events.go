package influxdb

import (
	"encoding/json"
	"math"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// stored updates the metrics of the events in messages whose points InfluxDB has all
// stored: those of the batch whose index is in with or, if that is nil, all but those in
// without. Adjacent messages with the same event time count as one latency: a timing
// costs as much as ten tweets.
func (m *outputMetrics) stored(batch service.MessageBatch, with, without map[int]bool) {
	now := time.Now()
	var tweets int64
	last := int64(math.MinInt64)
	for i, message := range batch {
		if with != nil && !with[i] || without[i] {
			continue
		}
		if n, ok := metaInt(message, contract.Tweets); ok && n > 0 {
			tweets += n
		}
		if millis, ok := metaInt(message, contract.EventTime); ok && millis != last {
			last = millis
			// The event's clock may be ahead of this one.
			m.eventLatency.Timing(max(0, int64(now.Sub(time.UnixMilli(millis)))))
		}
	}
	if tweets > 0 {
		m.tweets.Incr(tweets)
	}
}

func metaInt(m *service.Message, name string) (int64, bool) {
	value, _ := m.MetaGetMut(name)
	if number, ok := value.(json.Number); ok { // copied by a mapping from a field
		n, err := number.Int64()
		return n, err == nil
	}
	n, _, ok := integer(value)
	return n, ok
}

// messagesOf returns the indexes of the messages with rejected points.
func messagesOf(refusals []refusal) map[int]bool {
	numbers := make(map[int]bool, len(refusals))
	for _, r := range refusals {
		numbers[r.message] = true
	}
	return numbers
}
