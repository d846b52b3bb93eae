package sentimentwindow

import (
	"fmt"
	"math"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Metadata that Kafka inputs set on a message. The stock ones do not set
// metaTopicID, the id of the topic as [16]byte, nor what only a record batch
// has, its last offset and how many records it holds, as ints.
const (
	metaTopic     = "kafka_topic"
	metaTopicID   = "kafka_topic_id"
	metaPartition = "kafka_partition"
	metaOffset    = "kafka_offset"

	metaLastOffset   = "kafka_last_offset"
	metaBatchRecords = "kafka_batch_records"

	metaKey       = "kafka_key"
	metaSeconds   = "kafka_timestamp_unix"
	metaMillis    = "kafka_timestamp_ms"
	metaTombstone = "kafka_tombstone_message"

	// metaHeaders is where the redpanda input keeps all headers of a record.
	metaHeaders = "__rpcn_kafka_headers"
)

// origin is where a message lies in Kafka.
type origin struct {
	topic     string
	topicID   [16]byte
	hasID     bool
	partition int32
	offset    int64
}

// originOf reads the position of a message. inKafka is false, without an
// error, for a message that comes from elsewhere. On an error, what is not
// known to be genuine is empty or -1.
//
// The stock inputs copy the headers of a record over their own metadata, so
// whoever may write to the topic can replace the position by a header of the
// same name. A genuine partition and offset are ints, which no header and no
// mapping can make; a genuine topic is told by the list of all headers that
// the redpanda input keeps.
func originOf(m *service.Message) (o origin, inKafka bool, err error) {
	topic, hasTopic := m.MetaGetMut(metaTopic)
	partition, hasPartition := m.MetaGetMut(metaPartition)
	offset, hasOffset := m.MetaGetMut(metaOffset)
	if !hasTopic && !hasPartition && !hasOffset {
		return origin{}, false, nil
	}

	var p, n int
	var okTopic, okPartition, okOffset bool
	o.topic, okTopic = topic.(string)
	p, okPartition = partition.(int)
	okPartition = okPartition && p >= 0 && p <= math.MaxInt32
	n, okOffset = offset.(int)
	o.partition, o.offset = -1, -1
	if okPartition {
		o.partition = int32(p)
	}
	if okOffset {
		o.offset = int64(n)
	}

	if headers, ok := m.MetaGetMut(metaHeaders); ok {
		if name := spoofed(headers); name != "" {
			if name == metaTopic {
				o.topic = ""
			}
			return o, true, fmt.Errorf("its header %q stands in for where it lies in Kafka: it is not trusted, and not counted", name)
		}
	}
	switch {
	case !okTopic:
		return o, true, replacedError(metaTopic, topic)
	case !okPartition:
		return o, true, replacedError(metaPartition, partition)
	case !okOffset:
		return o, true, replacedError(metaOffset, offset)
	}
	if id, ok := m.MetaGetMut(metaTopicID); ok {
		o.topicID, o.hasID = id.([16]byte)           // a header would be a string
		o.hasID = o.hasID && o.topicID != [16]byte{} // Kafka's "no id"
	}
	return o, true, nil
}

func replacedError(name string, v any) error {
	if v == nil {
		return fmt.Errorf("its metadata %s is missing, which a Kafka input sets", name)
	}
	return fmt.Errorf("its metadata %s is %q (%T), not what a Kafka input sets: a record header or a mapping has replaced it", name, fmt.Sprint(v), v)
}

// spoofed names a header that replaces a part of the position, or "".
func spoofed(headers any) string {
	list, ok := headers.([]kgo.RecordHeader)
	if !ok {
		return metaHeaders
	}
	for _, h := range list {
		switch h.Key {
		case metaTopic, metaTopicID, metaPartition, metaOffset:
			return h.Key
		}
	}
	return ""
}
