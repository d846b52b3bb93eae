package contract

import (
	"encoding/base64"
	"fmt"
	"math"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// Metadata of a message from Kafka. kafka_batches sets all of it; the stock inputs set
// neither the id of the topic nor what only a record batch has. sentiment_window sets
// the position of the first record on its points, with the last offset, and influxdb
// puts both into log lines and dead letters.
const (
	KafkaPrefix = "kafka_"

	KafkaTopic     = "kafka_topic"     // string
	KafkaTopicID   = "kafka_topic_id"  // [16]byte; missing where the brokers know no ids
	KafkaPartition = "kafka_partition" // int
	KafkaOffset    = "kafka_offset"    // int; of a record batch: of its first record

	KafkaLastOffset   = "kafka_last_offset"   // int; of record batches and of points
	KafkaBatchRecords = "kafka_batch_records" // int; of record batches: how many records; tweet_generator sets it too

	KafkaKey           = "kafka_key"               // []byte; of records only, as all below
	KafkaTimestampUnix = "kafka_timestamp_unix"    // int64, seconds since the Unix epoch
	KafkaTimestamp     = "kafka_timestamp_ms"      // int64, ms since the Unix epoch
	KafkaTombstone     = "kafka_tombstone_message" // bool: the record has no value

	// HeaderPrefix is what kafka_batches puts before the name of a header that begins
	// with KafkaPrefix: what a producer wrote must not look like a position.
	HeaderPrefix = "header_"

	// RedpandaHeaders is where the stock input `redpanda` keeps all headers of a record,
	// as []kgo.RecordHeader. It copies them over its own metadata too, so only this list
	// shows which of it a header has replaced.
	RedpandaHeaders = "__rpcn_kafka_headers"
)

// Position is where a record, or the first record of a batch, is in Kafka.
type Position struct {
	Topic     string
	TopicID   [16]byte // zero where it is not known
	Partition int32
	Offset    int64
}

// TopicIDText returns the id of a topic as Kafka's own tools print it.
func TopicIDText(id [16]byte) string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// HasID reports whether the id of the topic is known.
func (p Position) HasID() bool { return p.TopicID != [16]byte{} }

// Set writes the position into the metadata of a message.
func (p Position) Set(m Setter) {
	m.MetaSetMut(KafkaTopic, p.Topic)
	if p.HasID() {
		m.MetaSetMut(KafkaTopicID, p.TopicID)
	}
	m.MetaSetMut(KafkaPartition, int(p.Partition))
	m.MetaSetMut(KafkaOffset, int(p.Offset))
}

// IsPosition reports whether a key is a part of the position.
func IsPosition(key string) bool {
	switch key {
	case KafkaTopic, KafkaTopicID, KafkaPartition, KafkaOffset:
		return true
	}
	return false
}

// PositionOf returns the position of a message. found is false, without an error, for
// a message that does not come from Kafka. With an error, parts that are not genuine
// are empty or -1.
//
// A topic of type string may still be that of a header: see RedpandaHeaders.
func PositionOf(m Getter) (p Position, found bool, err error) {
	topic, hasTopic := m.MetaGetMut(KafkaTopic)
	partition, hasPartition := m.MetaGetMut(KafkaPartition)
	offset, hasOffset := m.MetaGetMut(KafkaOffset)
	if !hasTopic && !hasPartition && !hasOffset {
		return Position{}, false, nil
	}

	var okTopic bool
	p.Topic, okTopic = topic.(string)
	p.Partition, p.Offset = -1, -1
	number, okPartition := partition.(int)
	if okPartition = okPartition && number >= 0 && number <= math.MaxInt32; okPartition {
		p.Partition = int32(number)
	}
	number, okOffset := offset.(int)
	if okOffset {
		p.Offset = int64(number)
	}
	switch {
	case !okTopic:
		return p, true, ReplacedError(KafkaTopic, topic)
	case !okPartition:
		return p, true, ReplacedError(KafkaPartition, partition)
	case !okOffset:
		return p, true, ReplacedError(KafkaOffset, offset)
	}
	id, _ := m.MetaGetMut(KafkaTopicID)
	p.TopicID, _ = id.([16]byte) // a header is a string
	return p, true, nil
}

// ReplacedError is the error of a key whose value a Kafka input cannot have set.
func ReplacedError(key string, value any) error {
	if value == nil {
		return fmt.Errorf("its metadata %s is missing; every Kafka input sets it", key)
	}
	shown := fmt.Sprint(value)
	switch value.(type) {
	case string, []byte:
		shown = fmt.Sprintf("%q", value)
	}
	return fmt.Errorf("its metadata %s is %s (%s), which was not set by a Kafka input: a record header or a mapping has replaced it", key, shown, valuetype.Of(value))
}

// SetRecord writes what a Kafka input says of a record beside its position, by its
// key, its value and its timestamp in ms since the Unix epoch.
func SetRecord(m Setter, key, value []byte, millis int64) {
	m.MetaSetMut(KafkaKey, key)
	m.MetaSetMut(KafkaTimestampUnix, time.UnixMilli(millis).Unix())
	m.MetaSetMut(KafkaTimestamp, millis)
	m.MetaSetMut(KafkaTombstone, value == nil)
}
