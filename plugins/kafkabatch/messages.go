package kafkabatch

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// messagesOf returns the messages of a batch, new ones for each delivery: a processor
// may have changed those of the last one.
func messagesOf(b *track.Batch, emit string) (service.MessageBatch, error) {
	if emit == emitRecords {
		return recordMessages(b)
	}
	m := service.NewMessage(b.Bytes)
	setPosition(m, b, b.Header.BaseOffset)
	m.MetaSetMut(contract.KafkaLastOffset, int(b.Header.LastOffset()))
	m.MetaSetMut(contract.KafkaBatchRecords, int(b.Header.Records))
	return service.MessageBatch{m}, nil
}

func setPosition(m *service.Message, b *track.Batch, offset int64) {
	p := b.Partition()
	contract.Position{Topic: p.Topic, TopicID: p.TopicID, Partition: p.ID.Partition, Offset: offset}.Set(m)
}

func recordMessages(b *track.Batch) (service.MessageBatch, error) {
	reader, err := recordbatch.NewReader(b.Bytes)
	if err != nil {
		return nil, err
	}
	messages := make(service.MessageBatch, 0, b.Header.Records)
	var r recordbatch.Record
	for reader.Next(&r) {
		m := service.NewMessage(r.Value)
		for name, value := range r.Headers.All() {
			setHeader(m, string(name), value)
		}
		setPosition(m, b, r.Offset)
		contract.SetRecord(m, r.Key, r.Value, r.Timestamp)
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
		becomes += track.MessageBytes + int64(r.Headers.Len()*headerBytes+len(r.Headers))
	}
	return becomes, reader.Err()
}

// headerBytes is about what metadata takes besides its name and value.
const headerBytes = 128

func setHeader(m *service.Message, name string, value []byte) {
	if strings.HasPrefix(name, contract.KafkaPrefix) {
		name = contract.HeaderPrefix + name
	}
	if value == nil {
		m.MetaSetMut(name, nil)
		return
	}
	m.MetaSetMut(name, string(value))
}
