package subpartition

import (
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// The metrics, as they are declared and described.
var (
	declared metric.Set

	metricDelivered    = declared.Counter("subpartition_messages", "messages", "messages delivered, retries included")
	metricBatches      = declared.Counter("subpartition_batches", "batches", "batches that they were in")
	metricHeld         = declared.Gauge("subpartition_held", "messages", "messages held, of `max_messages`: those that are not done, in flight or not")
	metricHeldBytes    = declared.Gauge("subpartition_held_bytes", "bytes", "bytes of them, of `max_bytes`, with the price of their objects")
	metricChildBatches = declared.Gauge("subpartition_child_batches", "batches", "batches of the child input that are not acknowledged")
	metricInFlight     = declared.Gauge("subpartition_in_flight", "messages", "messages in flight, of `max_concurrency`")
	metricKeys         = declared.Gauge("subpartition_keys", "keys", "keys with messages")
	metricLargest      = declared.Gauge("subpartition_largest_key", "messages", "messages of the key that holds most")
	metricBlocked      = declared.Gauge("subpartition_blocked_keys", "keys", "keys whose first message has failed `max_attempts` times, with `on_exhausted: block`")
	metricBehind       = declared.Gauge("subpartition_ahead_keys", "keys", "keys that wait because their first message is `max_ahead` or more beyond the first message of its partition that is not done")
	metricStalled      = declared.Gauge("subpartition_stalled", "", "1 while nothing is read from the child input for want of room, else 0")
	metricNacks        = declared.Counter("subpartition_nacks", "batches", "batches that the pipeline or the output did not accept")
	metricRetries      = declared.Counter("subpartition_retries", "messages", "deliveries of a message after its first")
	metricDead         = declared.Counter("subpartition_dead_letters", "messages", "messages that the output `dead_letters` has accepted", metric.OneOf("reason", contract.ReasonExhausted, contract.ReasonNoKey))
	metricDropped      = declared.Counter("subpartition_revoked", "messages", "messages of partitions that another member has now, dropped before they were delivered here")
	metricUnordered    = declared.Counter("subpartition_unordered_batches", "batches", "batches of the child input that begin before an offset of their partition that was read already: they are read again, or in the wrong order")
	metricOvertaken    = declared.Counter("subpartition_overtaken", "messages", "messages of them that came after a later one of their key had been delivered")
)

// Metrics are all that the input makes.
func Metrics() []metric.Description { return declared.All() }

type metrics struct {
	delivered, batches, nacks, retries, dead, dropped, unordered, overtaken *service.MetricCounter

	held, heldBytes, childBatches, inFlight, keys, largest, blockedKeys, behindKeys, stalled *service.MetricGauge
}

func newMetrics(m *service.Metrics) *metrics {
	return &metrics{
		delivered:    metricDelivered.New(m),
		batches:      metricBatches.New(m),
		nacks:        metricNacks.New(m),
		retries:      metricRetries.New(m),
		dead:         metricDead.New(m),
		dropped:      metricDropped.New(m),
		unordered:    metricUnordered.New(m),
		overtaken:    metricOvertaken.New(m),
		held:         metricHeld.New(m),
		heldBytes:    metricHeldBytes.New(m),
		childBatches: metricChildBatches.New(m),
		inFlight:     metricInFlight.New(m),
		keys:         metricKeys.New(m),
		largest:      metricLargest.New(m),
		blockedKeys:  metricBlocked.New(m),
		behindKeys:   metricBehind.New(m),
		stalled:      metricStalled.New(m),
	}
}
