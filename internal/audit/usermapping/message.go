package usermapping

import (
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
)

// message returns a record as the input delivers it. Metadata has the same types, since
// a mapping may compare them.
func (m *Mapping) message(r *tweetrule.Record) *service.Message {
	message := service.NewMessage(r.Value)
	if m.input == KafkaBatches {
		m.setHeaders(message, r.Headers, func(name string) string {
			if strings.HasPrefix(name, "kafka_") {
				return "header_" + name
			}
			return name
		})
	}
	message.MetaSetMut("kafka_topic", r.Topic)
	message.MetaSetMut("kafka_partition", int(r.Partition))
	message.MetaSetMut("kafka_offset", int(r.Offset))
	message.MetaSetMut("kafka_timestamp_ms", r.Timestamp)
	message.MetaSetMut("kafka_timestamp_unix", time.UnixMilli(r.Timestamp).Unix())
	message.MetaSetMut("kafka_tombstone_message", r.Value == nil)
	if m.input == KafkaFranz {
		message.MetaSetMut("kafka_key", string(r.Key))
	} else {
		message.MetaSetMut("kafka_key", r.Key)
	}
	if m.input == Redpanda || m.input == KafkaFranz {
		m.setHeaders(message, r.Headers, func(name string) string { return name })
	}
	return message
}

func (m *Mapping) setHeaders(message *service.Message, headers []tweetrule.Header, named func(string) string) {
	for _, h := range headers {
		if h.Value == nil && m.input != KafkaFranz {
			message.MetaSetMut(named(h.Name), nil)
			continue
		}
		message.MetaSetMut(named(h.Name), string(h.Value))
	}
}
