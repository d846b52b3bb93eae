package sentimentwindow

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// batchOrigin is the position of a record batch in Kafka, according to its metadata.
type batchOrigin struct {
	contract.Position // of its first offset
	last              int64
	records           int64
	inKafka           bool
}

// batchOriginOf returns the position of a record batch. With an error, parts that are
// not known to be genuine are empty or -1.
func batchOriginOf(m *service.Message) (b batchOrigin, err error) {
	b.last = -1
	b.Position, b.inKafka, err = positionOf(m)
	switch {
	case err != nil:
		return b, err
	case !b.inKafka:
		return b, misfit{fmt.Errorf("its metadata has no position in Kafka: %s", wantBatches)}
	}
	if id, ok := m.MetaGetMut(contract.KafkaTopicID); ok {
		if _, ok := id.([16]byte); !ok {
			return b, contract.ReplacedError(contract.KafkaTopicID, id)
		}
	}
	for _, number := range []struct {
		name string
		into *int64
	}{{contract.KafkaLastOffset, &b.last}, {contract.KafkaBatchRecords, &b.records}} {
		switch v, ok := m.MetaGetMut(number.name); n := v.(type) {
		case int:
			*number.into = int64(n)
		default:
			if !ok {
				return b, misfit{fmt.Errorf("it has no metadata %s: %s", number.name, wantBatches)}
			}
			return b, contract.ReplacedError(number.name, v)
		}
	}
	return b, nil
}

// checkRecord rejects a record batch if messages must be records. It recognises one by
// its metadata: only an input sets an int.
func checkRecord(m *service.Message) error {
	v, ok := m.MetaGetMut(contract.KafkaBatchRecords)
	if !ok {
		return nil
	}
	if n, ok := v.(int); ok {
		return misfit{fmt.Errorf("it is a Kafka record batch with %d records, but `%s: %s` expects one record: set `%s: %s`, or `emit: records` in kafka_batches",
			n, fieldMessage, messageRecord, fieldMessage, contract.RecordBatch)}
	}
	return nil
}

const wantBatches = fieldMessage + ": " + contract.RecordBatch + " expects whole record batches, as kafka_batches delivers them with emit: record_batch; if each message is a record, set " +
	fieldMessage + ": " + messageRecord

// agree compares the metadata with the bytes. If they differ, either may be wrong, and
// counts under a wrong offset would replace those of another batch.
func (b *batchOrigin) agree(h recordbatch.Header) error {
	for _, c := range []struct {
		name       string
		meta, want int64
	}{
		{contract.KafkaOffset, b.Offset, h.BaseOffset},
		{contract.KafkaLastOffset, b.last, h.LastOffset()},
		{contract.KafkaBatchRecords, b.records, int64(h.Records)},
	} {
		if c.meta != c.want {
			return fmt.Errorf("its metadata %s is %d, but its bytes say %d: %s", c.name, c.meta, c.want, wantUnchanged)
		}
	}
	return nil
}

func (b *batchOrigin) place() place {
	return place{Position: b.Position, inKafka: b.inKafka, batch: true, last: b.last, after: -1}
}
