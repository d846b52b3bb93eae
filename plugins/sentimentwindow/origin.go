package sentimentwindow

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// positionOf returns the position of a message in Kafka. It is contract.PositionOf,
// which a header can deceive in one point: a genuine topic is told by the list of all
// headers that the redpanda input keeps.
//
// The stock inputs copy the headers of a record over their own metadata, so
// whoever may write to the topic can replace the position by a header of the
// same name.
func positionOf(m *service.Message) (p contract.Position, inKafka bool, err error) {
	p, inKafka, err = contract.PositionOf(m)
	headers, kept := m.MetaGetMut(contract.RedpandaHeaders)
	if !inKafka || !kept {
		return p, inKafka, err
	}
	if name := spoofed(headers); name != "" {
		if name == contract.KafkaTopic {
			p.Topic = ""
		}
		return p, true, fmt.Errorf("its header %q stands in for where it lies in Kafka: it is not trusted, and not counted", name)
	}
	return p, true, err
}

// spoofed names a header that replaces a part of the position, or "".
func spoofed(headers any) string {
	list, ok := headers.([]kgo.RecordHeader)
	if !ok {
		return contract.RedpandaHeaders
	}
	for _, h := range list {
		if contract.IsPosition(h.Key) {
			return h.Key
		}
	}
	return ""
}
