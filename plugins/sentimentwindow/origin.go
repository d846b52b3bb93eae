package sentimentwindow

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// positionOf returns the position of a message in Kafka. The stock inputs copy the
// headers of a record over their own metadata, so anyone who may write to the topic can
// replace the position with headers of the same names. contract.PositionOf detects a
// replaced partition or offset by its type. A replaced topic is detected here, by the
// list of all headers that the redpanda input keeps.
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
		return p, true, fmt.Errorf("its header %q replaces its position in Kafka, which therefore cannot be trusted", name)
	}
	return p, true, err
}

// spoofed returns the name of a header that replaces a part of the position, or "".
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
