package model

import (
	"context"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// origin is the position of a fold's records. The correct designs use the true one.
type origin struct {
	topic     string
	id        [16]byte
	partition int
	offset    int64 // of the first record
}

// processor is the project's sentiment_window, as a pipeline runs it: the points of the
// model are its lines.
type processor struct {
	owned *service.OwnedProcessor
}

func newProcessor(conf string) (processor, error) {
	const field = "processor"
	parsed, err := service.NewConfigSpec().Field(service.NewProcessorField(field)).
		ParseYAML(fmt.Sprintf("%s: { %s: { %s } }", field, sentimentwindow.Name, conf), nil)
	if err != nil {
		return processor{}, fmt.Errorf("parsing %q: %w", conf, err)
	}
	owned, err := parsed.FieldProcessor(field)
	if err != nil {
		return processor{}, fmt.Errorf("building %q: %w", conf, err)
	}
	return processor{owned}, nil
}

func originOf(p *partition, offset int64) origin { return origin{p.topic, p.id, p.number, offset} }

// message returns a message as from a Kafka input.
func (o origin) message(b []byte, offset int64) *service.Message {
	m := service.NewMessage(b)
	contract.Position{Topic: o.topic, TopicID: o.id, Partition: int32(o.partition), Offset: offset}.Set(m)
	return m
}

// foldRecords returns the points of records that reach the processor as one batch of
// messages, with `message: record`.
func (p processor) foldRecords(o origin, records []record) (points, error) {
	var batch service.MessageBatch
	for _, r := range records {
		batch = append(batch, o.message(r.value(), o.offset+r.offset-records[0].offset))
	}
	return p.points(batch)
}

// foldBatch returns the points of one message that is a record batch, with `message:
// record_batch`.
func (p processor) foldBatch(o origin, last int64, records []record) (points, error) {
	list := make([]recordbatch.Record, len(records))
	for i, r := range records {
		list[i] = recordbatch.Record{Offset: o.offset + r.offset - records[0].offset, Timestamp: r.millis, Value: r.value()}
	}
	h := recordbatch.Header{BaseOffset: o.offset, LastOffsetDelta: int32(last - o.offset)}
	b, err := recordbatch.AppendBatch(nil, h, list...)
	if err != nil {
		return nil, err
	}
	m := o.message(b, o.offset)
	m.MetaSetMut(contract.KafkaLastOffset, int(last))
	m.MetaSetMut(contract.KafkaBatchRecords, len(records))
	return p.points(service.MessageBatch{m})
}

// points runs the processor, and parses its output.
func (p processor) points(batch service.MessageBatch) (points, error) {
	out, err := p.owned.ProcessBatch(context.Background(), batch)
	if err != nil {
		return nil, err
	}
	var all points
	for _, m := range out[0] {
		if m.GetError() != nil {
			if reason, _ := m.MetaGet(contract.DeadReason); reason != contract.ReasonUndecodable {
				return nil, m.GetError()
			}
			continue
		}
		lines, err := m.AsBytes()
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(lines)) {
			point, err := parsePoint(strings.TrimSuffix(line, "\n"))
			if err != nil {
				return nil, err
			}
			all = append(all, point)
		}
	}
	return all, nil
}
