package sentimentwindow

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Reasons why a message is not counted: the values of a metric's label and of
// the metadata dead_reason, so a fixed list.
const (
	reasonFailed      = "failed_before"
	reasonOrigin      = "origin"
	reasonUndecodable = "undecodable"
	reasonUnstorable  = "unstorable"
)

// Metadata of a message that could not be counted. They have names of their
// own: as headers of a dead letter, kafka_offset and the like would replace
// the dead letter's own position when somebody reads it back.
const (
	metaDeadPrefix    = "dead_"
	metaDeadReason    = "dead_reason"
	metaDeadError     = "dead_error"
	metaDeadTopic     = "dead_topic"
	metaDeadPartition = "dead_partition"
	metaDeadOffset    = "dead_offset"
	metaDeadAfter     = "dead_after_offset"
)

// refuse marks a message with why it was not counted and where it lies. A part
// of its position that is not known to be genuine is left out; after, if not
// -1, is then the offset of the genuine record before it.
func (p *processor) refuse(m *service.Message, o origin, inKafka bool, after int64, reason string, cause error) {
	err := fmt.Errorf("counting %s: %w", where(o, inKafka, after), cause)
	m.SetError(err)
	clearDead(m)
	m.MetaSetMut(metaDeadReason, reason)
	m.MetaSetMut(metaDeadError, err.Error())
	p.metrics.refused.Incr(1, reason)
	if !inKafka {
		return
	}
	if o.topic != "" {
		m.MetaSetMut(metaDeadTopic, o.topic)
	}
	if o.partition >= 0 {
		m.MetaSetMut(metaDeadPartition, int(o.partition))
	}
	if o.offset >= 0 {
		m.MetaSetMut(metaDeadOffset, int(o.offset))
	} else if after >= 0 {
		m.MetaSetMut(metaDeadAfter, int(after))
	}
}

// clearDead removes what the headers of a record say under the names of a dead
// letter. Where a part of its position is not known, a header would stand in for
// it and pass for ours.
func clearDead(m *service.Message) {
	var names []string
	_ = m.MetaWalkMut(func(name string, _ any) error {
		if strings.HasPrefix(name, metaDeadPrefix) {
			names = append(names, name)
		}
		return nil
	})
	for _, name := range names {
		m.MetaDelete(name)
	}
}

func where(o origin, inKafka bool, after int64) string {
	if !inKafka {
		return "a message that does not come from Kafka"
	}
	topic, partition, offset := o.topic, "unknown", "unknown"
	if topic == "" {
		topic = "unknown"
	}
	if o.partition >= 0 {
		partition = strconv.Itoa(int(o.partition))
	}
	if o.offset >= 0 {
		offset = strconv.FormatInt(o.offset, 10)
	} else if after >= 0 {
		offset = "behind " + strconv.FormatInt(after, 10)
	}
	return "the record of topic " + topic + ", partition " + partition + ", offset " + offset
}

// checkTopic refuses a second topic, since its points would replace those of
// the first.
func (p *processor) checkTopic(topic string) error {
	if p.conf.identity != identityTimestamp {
		return nil
	}
	p.topic.CompareAndSwap(nil, &topic)
	if first := *p.topic.Load(); first != topic {
		return fmt.Errorf("this process counts topic %s already, and points of two topics in one measurement replace each other: "+
			"give each topic a pipeline and a bucket or measurement of its own", first)
	}
	return nil
}
