// Package contract is the contract of the messages that the plugins exchange: the
// keys of their metadata, and the values of fields that two plugins must agree on.
// Each key says who sets it, who reads it, and the Go type and unit of its value.
//
// The type is part of the contract. Kafka inputs turn the headers of a record into
// metadata of type string, under any name that the producer chose, and a mapping
// makes int64, float64 and json.Number, never int. So an int under a key below was
// set by an input or by one of the plugins: it is genuine.
//
// internal/audit, tests/oracle and the dashboards have copies of their own on
// purpose: they check the pipeline, and must not inherit its mistakes.
package contract

// RecordBatch is the value of `emit` of the input kafka_batches, and of `message` of
// sentiment_window, of the output kafka_batches and of tweet_generator: a message is a
// record batch of Kafka.
const RecordBatch = "record_batch"

// Values of `identity` of kafka_batches and of sentiment_window: how points of
// different topics are told apart. The input passes its own to the processors
// (delivery.Delivery.Identity), and sentiment_window refuses a promise that is not
// its own.
const (
	IdentityTimestamp = "timestamp" // by nothing: there is one topic
	IdentitySource    = "source"    // by the id of the topic
)

// Metadata of a message of points, set by sentiment_window. Once influxdb has stored
// the points, it adds up the tweets and measures the latency. It accepts any integer
// type here, so that a mapping may set them for other pipelines, but no text.
const (
	Tweets    = "tweets"        // int: how many tweets the points count
	Points    = "points"        // int: how many points the message holds
	EventTime = "event_time_ms" // int64: time of the newest tweet, ms since the Unix epoch; missing without tweets
)

// Keys returns all keys of metadata.
func Keys() []string {
	return []string{
		Tweets, Points, EventTime,
		KafkaTopic, KafkaTopicID, KafkaPartition, KafkaOffset, KafkaLastOffset, KafkaBatchRecords,
		KafkaKey, KafkaTimestampUnix, KafkaTimestamp, KafkaTombstone, RedpandaHeaders,
		DeadReason, DeadError, DeadTopic, DeadTopicID, DeadPartition, DeadOffset, DeadLastOffset, DeadAfterOffset, DeadCutFrom,
		DeadTimestamp, DeadKey, DeadHeaders, DeadLeftOut,
		InfluxDBBucket, InfluxDBTopicID, InfluxDBStatus, InfluxDBReason, InfluxDBCutFrom, InfluxDBCut,
		RefusedReason, RefusedError, RefusedTopic, RefusedPartition, RefusedCutFrom, RefusedCut,
		SubpartitionKey, SubpartitionAttempt, DeadAttempts, DeadCut,
	}
}

// Getter is the metadata of a message, as of *service.Message.
type Getter interface {
	MetaGetMut(key string) (any, bool)
}

// Setter is the metadata of a message, as of *service.Message.
type Setter interface {
	MetaSetMut(key string, value any)
}
