package pipelineview

// counter is a number that only grows, added up over all processes.
type counter int

const (
	generated    counter = iota // tweets
	delivered                   // tweets that Kafka has acknowledged
	missed                      // tweets that the generator had no time for
	decoded                     // tweets counted
	undecodable                 // records or messages that could not be counted
	filtered                    // records or messages that a mapping deletes
	windowed                    // points made
	stored                      // points that InfluxDB has stored
	storedTweets                // tweets in them
	sent                        // points in all requests
	requests                    // to InfluxDB
	retries                     // requests sent again after a wait
	splits                      // requests of which a part was sent by itself
	rejected                    // points that InfluxDB has refused
	deadLetters                 // messages sent to the dead letters
	inKafka                     // offsets, from the brokers
	numCounters
)

// counters are the metrics of the components, by name.
var counters = map[string]counter{
	"tweet_generator_generated": generated,
	"tweet_generator_delivered": delivered,
	"tweet_generator_missed":    missed,
	"sentiment_window_tweets":   decoded,
	"sentiment_window_refused":  undecodable,
	"sentiment_window_filtered": filtered,
	"sentiment_window_points":   windowed,
	"influxdb_points_written":   stored,
	"influxdb_tweets_written":   storedTweets,
	"influxdb_points_sent":      sent,
	"influxdb_requests":         requests,
	"influxdb_retries":          retries,
	"influxdb_splits":           splits,
	"influxdb_points_rejected":  rejected,
}

// components have counters with a label, which appear when they first count. A process
// with another metric of the component counts them, and has counted 0.
var components = map[counter]string{
	decoded:     "sentiment_window_",
	undecodable: "sentiment_window_",
	requests:    "influxdb_",
	rejected:    "influxdb_",
}

// outputSent counts the messages of each output; those of the dead letters are
// told by the labels that the shipped configs give them.
const outputSent = "output_sent"

var deadLabels = map[string]bool{
	"dead_letters": true, "dead_letters_small": true, "rejected_points": true, "rejected_points_small": true,
}

// gauge is a number that goes up and down.
type gauge int

const (
	waiting        gauge = iota // points taken and not stored yet
	inFlight                    // requests
	lag                         // offsets between the end of the log and what is acknowledged
	lagSeconds                  // age of the oldest of them, the largest of all partitions
	stopped                     // partitions that wait for an operator
	slotsUsed                   // share of a window's timestamps in use, the largest of all
	waitingBatches              // record batches that are redelivered until they are accepted
	schemaSeconds               // how long records wait for a schema, the longest of all
	held                        // messages that subpartition holds
	largestKey                  // of them those of the key that has most
	nothing                     // processes that have counted none of their first records
	numGauges
)

var gauges = map[string]gauge{
	"influxdb_points_waiting":     waiting,
	"influxdb_requests_in_flight": inFlight,
	"kafka_batches_lag":           lag,
	"redpanda_lag":                lag,
	"kafka_batches_lag_seconds":   lagSeconds,
	"kafka_batches_stopped":       stopped,

	"sentiment_window_slots_used_ratio": slotsUsed,
	"sentiment_window_nothing_counted":  nothing,
	"kafka_batches_waiting":             waitingBatches,
	schemaWaiting:                       schemaSeconds,
	"subpartition_held":                 held,
	"subpartition_largest_key":          largestKey,
}

// largest are the gauges of which the maximum is shown, not the sum.
var largest = map[gauge]bool{lagSeconds: true, slotsUsed: true, schemaSeconds: true, largestKey: true}

// Metrics with a label that tells who has too much.
const (
	hotKeyHeld    = "subpartition_hot_key_held"
	hotKeyShare   = "subpartition_hot_key_share_ratio"
	partitionSkew = "kafka_batches_partition_skew_ratio"
	brandSkew     = "sentiment_window_brand_skew_ratio"
)

// lags are the metrics of the lag by topic and partition.
var lags = map[string]bool{"kafka_batches_lag": true, "redpanda_lag": true}

// cpuSeconds counts the processor time of a process with add_process_metrics.
const cpuSeconds = "process_cpu_seconds_total"

// schemaWaiting has a label with the id of the schema.
const schemaWaiting = "sentiment_window_schema_waiting_seconds"

// timer is a latency.
type timer int

const (
	requestLatency timer = iota // of a request to InfluxDB
	eventLatency                // from a tweet to InfluxDB's answer
	numTimers
)

var timers = map[string]timer{
	"influxdb_request_latency_ns": requestLatency,
	"influxdb_event_latency_ns":   eventLatency,
}
