package sentimentwindow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// place is the position of a message in an error. Parts that are not known to be
// genuine are omitted; after, if not -1, is then the offset of the genuine record
// before it.
type place struct {
	contract.Position
	inKafka bool
	after   int64
	batch   bool  // a whole record batch, not a record
	last    int64 // its last offset, or -1
	// record is the record of a batch that a message was made of; nil for messages of an
	// input.
	record *recordbatch.Record
}

// refuse makes a message a dead letter, with the reason and its position.
func (p *processor) refuse(f *folder, m *service.Message, at place, reason string, cause error) {
	at.Topic = brief(at.Topic, maxTopicBytes)
	err := letterError{text: brief(fmt.Sprintf("counting %s: %v", at, cause), maxErrorBytes)}
	if reason == contract.ReasonFailedBefore {
		err.before = cause
	}
	m.SetError(err)
	clearDead(m)
	m.MetaSetMut(contract.DeadReason, reason)
	m.MetaSetMut(contract.DeadError, err.Error())
	f.refused = append(f.refused, m)
	f.tally.refused.add(at, reason, err)
	if !at.inKafka {
		return
	}
	if at.Topic != "" {
		m.MetaSetMut(contract.DeadTopic, at.Topic)
	}
	if at.HasID() {
		m.MetaSetMut(contract.DeadTopicID, contract.TopicIDText(at.TopicID))
	}
	if at.Partition >= 0 {
		m.MetaSetMut(contract.DeadPartition, int(at.Partition))
	}
	if at.Offset >= 0 {
		m.MetaSetMut(contract.DeadOffset, int(at.Offset))
	} else if at.after >= 0 {
		m.MetaSetMut(contract.DeadAfterOffset, int(at.after))
	}
	if at.batch && at.last >= 0 {
		m.MetaSetMut(contract.DeadLastOffset, int(at.last))
	}
	if !at.batch {
		carry(m, at.record)
	}
}

// Every part of a dead letter besides its content is bounded, and so is a log line: an
// error may repeat a value of a megabyte, and the dead letter of the largest record
// must not exceed what Kafka accepts.
const (
	maxErrorBytes = 1024
	maxTopicBytes = 249 // Kafka's limit
)

// letterError is the error of a dead letter.
type letterError struct {
	text   string
	before error // the one that the message came with
}

func (e letterError) Error() string { return e.text }

func (e letterError) Unwrap() error { return e.before }

// brief truncates text to a number of bytes, at a character boundary.
func brief(text string, limit int) string {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	// A copy, since a slice would retain the whole text.
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}

// takeBack restores the errors that the refused messages arrived with, so that they can
// be counted again.
func (f *folder) takeBack() {
	for _, m := range f.refused {
		var before error
		if reason, _ := m.MetaGet(contract.DeadReason); reason == contract.ReasonFailedBefore {
			before = errors.Unwrap(m.GetError())
		}
		m.SetError(before)
	}
}

// clearDead removes metadata that a header has set under a name of a dead letter's
// metadata. It would pass for ours where a part of the position is unknown.
func clearDead(m *service.Message) {
	var names []string
	_ = m.MetaWalkMut(func(name string, _ any) error {
		if strings.HasPrefix(name, contract.DeadPrefix) {
			names = append(names, name)
		}
		return nil
	})
	for _, name := range names {
		m.MetaDelete(name)
	}
}

func (p place) String() string {
	what := "record"
	if p.batch {
		what = "record batch"
	}
	if !p.inKafka {
		return "a " + what + " that does not come from Kafka"
	}
	topic, partition, offset := p.Topic, "unknown", "unknown"
	if topic == "" {
		topic = "unknown"
	}
	if p.Partition >= 0 {
		partition = strconv.Itoa(int(p.Partition))
	}
	if p.Offset >= 0 {
		offset = strconv.FormatInt(p.Offset, 10)
	} else if p.after >= 0 {
		offset = "after " + strconv.FormatInt(p.after, 10)
	}
	return "the " + what + " of topic " + topic + ", partition " + partition + ", offset " + offset
}

// checkTopic rejects a second topic, whose points would replace those of the first, and
// an input that may read several, or compacted ones.
func (p *processor) checkTopic(d *delivery.Delivery, topic string) error {
	if d != nil && d.Compacted {
		return misfit{errors.New("kafka_batches has `on_compacted_topic: read`, so the batches may be others when the topic is read again, and their points would be counted beside those written now: remove that setting, and count a topic that is not compacted")}
	}
	if p.conf.identity != contract.IdentityTimestamp {
		return nil
	}
	if d != nil && d.Identity == contract.IdentitySource {
		return misfit{fmt.Errorf("kafka_batches has `%s: %s`, so it may read several topics, but `%s: %s` here does not distinguish them: their points would replace each other. Set the same identity in both",
			fieldIdentity, contract.IdentitySource, fieldIdentity, contract.IdentityTimestamp)}
	}
	p.topic.CompareAndSwap(nil, &topic)
	if first := *p.topic.Load(); first != topic {
		return misfit{fmt.Errorf("this process already counts topic %s, and points of two topics in one measurement replace each other: "+
			"give each topic its own pipeline, and its own bucket or measurement", first)}
	}
	return nil
}
