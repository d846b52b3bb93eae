package sentimentwindow

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
)

// Reasons why a message is not counted: the values of a metric's label and of
// the metadata dead_reason, so a fixed list.
const (
	reasonBatch       = "batch"
	reasonFailed      = "failed_before"
	reasonOrigin      = "origin"
	reasonBounds      = "out_of_bounds"
	reasonUndecodable = "undecodable"
	reasonUnstorable  = "unstorable"
)

func reasons() []string {
	return []string{reasonBatch, reasonFailed, reasonOrigin, reasonBounds, reasonUndecodable, reasonUnstorable}
}

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
	metaDeadLast      = "dead_last_offset"
	metaDeadAfter     = "dead_after_offset"
)

// place is what an error says of where a message lies. A part of the origin
// that is not known to be genuine is left out; after, if not -1, is then the
// offset of the genuine record before it.
type place struct {
	origin
	inKafka bool
	after   int64
	batch   bool  // a whole record batch, not a record
	last    int64 // its last offset, or -1
}

// refuse marks a message with why it was not counted and where it lies.
func (p *processor) refuse(f *folder, m *service.Message, at place, reason string, cause error) {
	at.topic = brief(at.topic, maxTopicBytes)
	err := letterError{text: brief(fmt.Sprintf("counting %s: %v", at, cause), maxErrorBytes)}
	if reason == reasonFailed {
		err.before = cause
	}
	m.SetError(err)
	clearDead(m)
	m.MetaSetMut(metaDeadReason, reason)
	m.MetaSetMut(metaDeadError, err.Error())
	f.refused = append(f.refused, m)
	f.tally.refused.add(at, reason, err)
	if !at.inKafka {
		return
	}
	if at.topic != "" {
		m.MetaSetMut(metaDeadTopic, at.topic)
	}
	if at.partition >= 0 {
		m.MetaSetMut(metaDeadPartition, int(at.partition))
	}
	if at.offset >= 0 {
		m.MetaSetMut(metaDeadOffset, int(at.offset))
	} else if at.after >= 0 {
		m.MetaSetMut(metaDeadAfter, int(at.after))
	}
	if at.batch && at.last >= 0 {
		m.MetaSetMut(metaDeadLast, int(at.last))
	}
}

// Every part of a dead letter besides its content is bounded, and so is a line of
// the log: an error may repeat a value of a megabyte, and the letter of a record of
// the greatest size must not be larger than what Kafka accepts.
const (
	maxErrorBytes = 1024
	maxTopicBytes = 249 // Kafka's own
)

// letterError is the error of a dead letter.
type letterError struct {
	text   string
	before error // the one that the message came with
}

func (e letterError) Error() string { return e.text }

func (e letterError) Unwrap() error { return e.before }

// brief cuts text to a number of bytes, never inside a character.
func brief(text string, limit int) string {
	const mark = "…"
	if len(text) <= limit {
		return text
	}
	// A copy, or the whole of it would be kept.
	return strings.ToValidUTF8(text[:limit-len(mark)], "") + mark
}

// takeBack gives the refused messages the errors that they came with, so that they
// can be counted again.
func (f *folder) takeBack() {
	for _, m := range f.refused {
		var before error
		if reason, _ := m.MetaGet(metaDeadReason); reason == reasonFailed {
			before = errors.Unwrap(m.GetError())
		}
		m.SetError(before)
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

func (p place) String() string {
	what := "record"
	if p.batch {
		what = "record batch"
	}
	if !p.inKafka {
		return "a " + what + " that does not come from Kafka"
	}
	topic, partition, offset := p.topic, "unknown", "unknown"
	if topic == "" {
		topic = "unknown"
	}
	if p.partition >= 0 {
		partition = strconv.Itoa(int(p.partition))
	}
	if p.offset >= 0 {
		offset = strconv.FormatInt(p.offset, 10)
	} else if p.after >= 0 {
		offset = "behind " + strconv.FormatInt(p.after, 10)
	}
	return "the " + what + " of topic " + topic + ", partition " + partition + ", offset " + offset
}

// checkTopic refuses a second topic, since its points would replace those of
// the first, and an input that may read several.
func (p *processor) checkTopic(d *delivery.Delivery, topic string) error {
	if p.conf.identity != identityTimestamp {
		return nil
	}
	if d != nil && d.Identity == identitySource {
		return misfit{fmt.Errorf("kafka_batches has `%s: %s`, so it reads any number of topics, and `%s: %s` here does not tell them apart: their points would replace each other. Set the same in both",
			fieldIdentity, identitySource, fieldIdentity, identityTimestamp)}
	}
	p.topic.CompareAndSwap(nil, &topic)
	if first := *p.topic.Load(); first != topic {
		return misfit{fmt.Errorf("this process counts topic %s already, and points of two topics in one measurement replace each other: "+
			"give each topic a pipeline and a bucket or measurement of its own", first)}
	}
	return nil
}
