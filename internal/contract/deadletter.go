package contract

// Metadata of a dead letter: a message that sentiment_window could not count. The
// shipped configs write it as headers of the topic of dead letters, and set the same
// for points that influxdb rejected; audit and the dashboard read them there.
//
// The keys are not those of Kafka's position: as headers of a dead letter, kafka_offset
// and the like would replace the position of the dead letter itself for whoever reads
// it. A part of the position that is not known to be genuine is missing.
const (
	DeadPrefix = "dead_"

	DeadReason      = "dead_reason"       // string: one of the reasons below
	DeadError       = "dead_error"        // string: the error, at most 1 KiB
	DeadTopic       = "dead_topic"        // string
	DeadTopicID     = "dead_topic_id"     // string: the id of the topic, as Kafka's tools print it; missing where it is not known
	DeadPartition   = "dead_partition"    // int
	DeadOffset      = "dead_offset"       // int; of a record batch: of its first record
	DeadLastOffset  = "dead_last_offset"  // int; of a record batch only
	DeadAfterOffset = "dead_after_offset" // int: of the record before it, if its own offset is not known
	DeadCutFrom     = "dead_cut_from"     // int, set by the configs only: bytes before the letter was cut

	// What else its record needs to be written again, for a single record. Without
	// DeadTimestamp none of it is known; otherwise a key or headers that are missing were
	// null or none, unless DeadLeftOut names them.
	DeadTimestamp = "dead_timestamp_ms" // int: of the record, ms since the Unix epoch
	DeadKey       = "dead_key"          // []byte, at most 512
	DeadHeaders   = "dead_headers"      // string: a JSON list of pairs of name and value, a value as base64 or null; at most 1 KiB
	DeadLeftOut   = "dead_left_out"     // string: LeftOutKey, LeftOutHeaders, separated by a space: too large, or not known
)

// Values in DeadLeftOut.
const (
	LeftOutKey     = "key"
	LeftOutHeaders = "headers"
)

// Reasons of dead letters, also the label `reason` of sentiment_window's metrics.
const (
	ReasonBatch        = "batch"         // not a sound record batch, or one where a record was expected
	ReasonFailedBefore = "failed_before" // a processor before sentiment_window failed
	ReasonOrigin       = "origin"        // its position in Kafka is missing, replaced or has no slot
	ReasonOutOfBounds  = "out_of_bounds" // its time is outside of `timestamp_bounds`
	ReasonUndecodable  = "undecodable"   // not a tweet
	ReasonUnstorable   = "unstorable"    // a tweet that no point can hold

	// ReasonRejected is set by the configs for points that influxdb rejected.
	ReasonRejected = "rejected"
)

// DeadReasons returns the reasons that sentiment_window gives.
func DeadReasons() []string {
	return []string{ReasonBatch, ReasonFailedBefore, ReasonOrigin, ReasonOutOfBounds, ReasonUndecodable, ReasonUnstorable}
}

// Metadata that influxdb adds to a rejected point, beside that of the message which
// the point came in. The shipped configs read it.
const (
	InfluxDBBucket  = "influxdb_bucket"   // string
	InfluxDBTopicID = "influxdb_topic_id" // string: kafka_topic_id of the message as Kafka's tools print it, which a mapping cannot make of its bytes
	InfluxDBStatus  = "influxdb_status"   // string: status of the HTTP response; missing if no server was asked
	InfluxDBReason  = "influxdb_reason"   // string
	InfluxDBCutFrom = "influxdb_cut_from" // int: bytes of the point or message before it was cut; missing if it was not
	InfluxDBCut     = "influxdb_cut"      // string: names of other metadata that was cut or left out, separated by spaces
)
