package model

import (
	"context"
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// origin is where a fold is told that its records come from. The designs that
// are right say the truth.
type origin struct {
	topic     string
	id        [16]byte
	partition int
	offset    int64 // of the first record
}

// processor is the sentiment_window of the project, as a pipeline runs it: the
// points of the model are its lines.
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

// fold gives the points of records that reach the processor as one batch.
func (p processor) fold(o origin, records []record) (points, error) {
	var batch service.MessageBatch
	for _, r := range records {
		m := service.NewMessage(r.value())
		m.MetaSetMut("kafka_topic", o.topic)
		m.MetaSetMut("kafka_topic_id", o.id)
		m.MetaSetMut("kafka_partition", o.partition)
		m.MetaSetMut("kafka_offset", int(o.offset+r.offset-records[0].offset))
		batch = append(batch, m)
	}
	out, err := p.owned.ProcessBatch(context.Background(), batch)
	if err != nil {
		return nil, err
	}
	var all points
	for _, m := range out[0] {
		if m.GetError() != nil {
			if reason, _ := m.MetaGet("dead_reason"); reason != "undecodable" {
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
