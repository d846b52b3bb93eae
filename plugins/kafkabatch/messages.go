package kafkabatch

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// Metadata of messages. They have the types of Go that are named here, which a
// header of a record never has: a string under one of these keys is not ours.
const (
	metaTopic        = "kafka_topic"         // string
	metaTopicID      = "kafka_topic_id"      // [16]byte; missing where the brokers know no ids
	metaPartition    = "kafka_partition"     // int
	metaOffset       = "kafka_offset"        // int; of a record batch: of its first record
	metaLastOffset   = "kafka_last_offset"   // int; of record batches
	metaBatchRecords = "kafka_batch_records" // int; of record batches

	metaKey       = "kafka_key"               // []byte
	metaUnix      = "kafka_timestamp_unix"    // int64, s
	metaMillis    = "kafka_timestamp_ms"      // int64, ms
	metaTombstone = "kafka_tombstone_message" // bool

	metaPrefix = "kafka_"
	// headerPrefix is put before the name of a header that begins with
	// metaPrefix: what a producer writes must not look like a place in the log.
	headerPrefix = "header_"
)

// messages makes what is handed on. It makes it anew each time that a batch is
// handed on again: a processor may have changed what it got before.
func (b *batch) messages(emit string) (service.MessageBatch, error) {
	if emit == emitRecords {
		return b.recordMessages()
	}
	m := service.NewMessage(b.bytes)
	b.place(m, int(b.header.BaseOffset))
	m.MetaSetMut(metaLastOffset, int(b.header.LastOffset()))
	m.MetaSetMut(metaBatchRecords, int(b.header.Records))
	return service.MessageBatch{m}, nil
}

func (b *batch) place(m *service.Message, offset int) {
	m.MetaSetMut(metaTopic, b.partition.topic)
	if b.partition.topicID != [16]byte{} {
		m.MetaSetMut(metaTopicID, b.partition.topicID)
	}
	m.MetaSetMut(metaPartition, int(b.partition.partition))
	m.MetaSetMut(metaOffset, offset)
}

func (b *batch) recordMessages() (service.MessageBatch, error) {
	reader, err := recordbatch.NewReader(b.bytes)
	if err != nil {
		return nil, err
	}
	messages := make(service.MessageBatch, 0, b.header.Records)
	var r recordbatch.Record
	for reader.Next(&r) {
		m := service.NewMessage(r.Value)
		for name, value := range r.Headers.All() {
			setHeader(m, string(name), value)
		}
		b.place(m, int(r.Offset))
		m.MetaSetMut(metaKey, r.Key)
		m.MetaSetMut(metaUnix, floorDiv(r.Timestamp, 1000))
		m.MetaSetMut(metaMillis, r.Timestamp)
		m.MetaSetMut(metaTombstone, r.Value == nil)
		messages = append(messages, m)
	}
	if err := reader.Err(); err != nil {
		return nil, fmt.Errorf("reading its records: %w", err)
	}
	return messages, nil
}

// checkRecords returns about what the messages of an uncompressed batch take
// besides its bytes, or why its records cannot be read.
func checkRecords(b []byte) (becomes int64, err error) {
	reader, err := recordbatch.NewReader(b)
	if err != nil {
		return 0, err
	}
	var r recordbatch.Record
	for reader.Next(&r) {
		becomes += messageBytes + int64(r.Headers.Len()*headerBytes+len(r.Headers))
	}
	return becomes, reader.Err()
}

// headerBytes is about what metadata takes besides its name and value.
const headerBytes = 128

func setHeader(m *service.Message, name string, value []byte) {
	if strings.HasPrefix(name, metaPrefix) {
		name = headerPrefix + name
	}
	if value == nil {
		m.MetaSetMut(name, nil)
		return
	}
	m.MetaSetMut(name, string(value))
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
