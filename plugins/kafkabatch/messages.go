package kafkabatch

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// messages makes what is handed on. It makes it anew each time that a batch is
// handed on again: a processor may have changed what it got before.
func (b *batch) messages(emit string) (service.MessageBatch, error) {
	if emit == emitRecords {
		return b.recordMessages()
	}
	m := service.NewMessage(b.bytes)
	b.place(m, b.header.BaseOffset)
	m.MetaSetMut(contract.KafkaLastOffset, int(b.header.LastOffset()))
	m.MetaSetMut(contract.KafkaBatchRecords, int(b.header.Records))
	return service.MessageBatch{m}, nil
}

func (b *batch) place(m *service.Message, offset int64) {
	p := b.partition
	contract.Position{Topic: p.topic, TopicID: p.topicID, Partition: p.partition, Offset: offset}.Set(m)
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
		b.place(m, r.Offset)
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
		becomes += messageBytes + int64(r.Headers.Len()*headerBytes+len(r.Headers))
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
