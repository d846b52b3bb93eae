package deadletter

import (
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

// Form is who wrote a letter, by the names of its headers.
type Form string

// The forms.
const (
	Ours        Form = "brandpulse"
	Spring      Form = "spring"
	SpringRetry Form = "spring_retry"
	SpringCloud Form = "spring_cloud"
	Connect     Form = "kafka_connect"
	Streams     Form = "kafka_streams"
	Mapped      Form = "mapping" // its origin is from the user's mapping
	NoForm      Form = "unknown"
)

// part is what a header says of a letter.
type part uint8

const (
	none part = iota
	reason
	lesserReason // used if no other header gives one
	words
	topic
	topicID
	originPartition
	originOffset
	lastOffset
	afterOffset
	cutFrom
)

// meaning is the part of a letter that a header is, in the form that has it.
type meaning struct {
	form Form
	part part
}

// meanings are the headers of all forms. The sources: DeadLetterPublishingRecoverer and
// KafkaHeaders of Spring for Apache Kafka, KafkaMessageChannelBinder of Spring Cloud
// Stream, DeadLetterQueueReporter of Kafka Connect, ExceptionHandlerUtils of Kafka
// Streams.
var meanings = map[string]meaning{
	contract.DeadReason:      {Ours, reason},
	contract.DeadError:       {Ours, words},
	contract.DeadTopic:       {Ours, topic},
	contract.DeadTopicID:     {Ours, topicID},
	contract.DeadPartition:   {Ours, originPartition},
	contract.DeadOffset:      {Ours, originOffset},
	contract.DeadLastOffset:  {Ours, lastOffset},
	contract.DeadAfterOffset: {Ours, afterOffset},
	contract.DeadCutFrom:     {Ours, cutFrom},

	"kafka_dlt-original-topic":       {Spring, topic},
	"kafka_dlt-original-partition":   {Spring, originPartition},
	"kafka_dlt-original-offset":      {Spring, originOffset},
	"kafka_dlt-exception-cause-fqcn": {Spring, reason}, // the exception itself only says that a listener failed
	"kafka_dlt-exception-fqcn":       {Spring, lesserReason},
	"kafka_dlt-exception-message":    {Spring, words},

	"kafka_original-topic":       {SpringRetry, topic},
	"kafka_original-partition":   {SpringRetry, originPartition},
	"kafka_original-offset":      {SpringRetry, originOffset},
	"kafka_exception-cause-fqcn": {SpringRetry, reason},
	"kafka_exception-fqcn":       {SpringRetry, lesserReason},
	"kafka_exception-message":    {SpringRetry, words},

	"x-original-topic":     {SpringCloud, topic},
	"x-original-partition": {SpringCloud, originPartition},
	"x-original-offset":    {SpringCloud, originOffset},
	"x-exception-fqcn":     {SpringCloud, reason},
	"x-exception-message":  {SpringCloud, words},

	"__connect.errors.topic":                {Connect, topic},
	"__connect.errors.partition":            {Connect, originPartition},
	"__connect.errors.offset":               {Connect, originOffset},
	"__connect.errors.exception.class.name": {Connect, reason},
	"__connect.errors.exception.message":    {Connect, words},

	"__streams.errors.topic":     {Streams, topic},
	"__streams.errors.partition": {Streams, originPartition},
	"__streams.errors.offset":    {Streams, originOffset},
	"__streams.errors.exception": {Streams, reason},
	"__streams.errors.message":   {Streams, words},
}

// Read returns the letter in a record.
//
// A record may have been a dead letter before, and its writer may have set any header.
// All writers append their headers, so the last header of any form decides which form
// it is, and of several headers of one name the last counts.
func Read(r Record) Letter {
	l := Letter{Record: r, Form: formOf(r.Headers), Origin: unknownOrigin()}
	lesser := ""
	for i := range r.Headers {
		h := &r.Headers[i]
		if m := meanings[h.Name]; m.form == l.Form && m.part == lesserReason {
			lesser = string(h.Value)
		} else if m.form == l.Form && m.part != none {
			l.set(m.part, h)
		}
	}
	if l.Reason == "" {
		l.Reason = lesser
	}
	return l
}

func formOf(headers []Header) Form {
	for i := len(headers) - 1; i >= 0; i-- {
		if m, is := meanings[headers[i].Name]; is {
			return m.form
		}
	}
	return NoForm
}

func (l *Letter) set(p part, h *Header) {
	switch p {
	case reason:
		l.Reason = string(h.Value)
	case words:
		l.Error = string(h.Value)
	case topic:
		l.Origin.Topic = string(h.Value)
	case topicID:
		id, ok := ParseTopicID(string(h.Value))
		if l.Origin.TopicID = id; !ok {
			l.problem(h, "the id of a topic, as Kafka prints it")
		}
	case originPartition:
		l.Origin.Partition = Unknown
		if n, ok := l.number(h); ok {
			if l.Origin.Partition, ok = partition(n); !ok {
				l.problem(h, "a partition")
			}
		}
	case originOffset:
		l.Origin.Offset = l.numberOr(h, Unknown)
	case lastOffset:
		l.Origin.LastOffset = l.numberOr(h, Unknown)
	case afterOffset:
		l.Origin.AfterOffset = l.numberOr(h, Unknown)
	case cutFrom:
		l.CutFrom = l.numberOr(h, 0)
	}
}

func (l *Letter) numberOr(h *Header, missing int64) int64 {
	if n, ok := l.number(h); ok {
		return n
	}
	return missing
}

// number reads the number in a header, and records a problem if there is none.
func (l *Letter) number(h *Header) (int64, bool) {
	if absent(h.Value) {
		return 0, false
	}
	n, ok := Number(h.Value)
	if !ok {
		l.problem(h, "a number")
	}
	return n, ok
}

func (l *Letter) problem(h *Header, want string) {
	l.Problems = append(l.Problems, fmt.Sprintf("the header %s is %s, which is not %s", h.Name, Printable(string(h.Value), 100), want))
}
