package sentimentwindow

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// batchOrigin is where a record batch lies in Kafka, as its message says.
type batchOrigin struct {
	contract.Position // of its first offset
	last              int64
	records           int64
	inKafka           bool
}

// batchOriginOf reads where a record batch lies. On an error, what is not known
// to be genuine is empty or -1.
func batchOriginOf(m *service.Message) (b batchOrigin, err error) {
	b.last = -1
	b.Position, b.inKafka, err = positionOf(m)
	switch {
	case err != nil:
		return b, err
	case !b.inKafka:
		return b, misfit{fmt.Errorf("its metadata does not say where: %s", wantBatches)}
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

// checkRecord refuses a record batch where each message must be a record. Its
// metadata tells: no header can be an int, and a mapping's is an int64.
func checkRecord(m *service.Message) error {
	v, ok := m.MetaGetMut(contract.KafkaBatchRecords)
	if !ok {
		return nil
	}
	if n, ok := v.(int); ok {
		return misfit{fmt.Errorf("it is a record batch of Kafka with %d records, and `%s: %s` takes one record: set `%s: %s`, or `emit: records` in kafka_batches",
			n, fieldMessage, messageRecord, fieldMessage, contract.RecordBatch)}
	}
	return nil
}

const wantBatches = fieldMessage + ": " + contract.RecordBatch + " takes whole record batches, as kafka_batches gives them with emit: record_batch; where each message is a record, set " +
	fieldMessage + ": " + messageRecord

// agree compares the metadata with the bytes. Where they differ nobody knows
// which of them is right, and what is counted under a wrong offset would replace
// the counts of another batch.
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
