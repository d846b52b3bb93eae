// Package deadletter reads records of topics of dead letters, whoever wrote them: the
// reason, and the origin of the record that each was made from. It knows neither Kafka
// nor Benthos.
package deadletter

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"
)

// Header is a header of a record. A value that is nil is null in Kafka.
type Header struct {
	Name  string
	Value []byte
}

// Record is a record of a topic of dead letters.
type Record struct {
	Partition  int32
	Offset     int64
	Timestamp  int64 // milliseconds since the Unix epoch
	Key, Value []byte
	Headers    []Header
}

// Clone returns a copy that shares no bytes with r.
func (r Record) Clone() Record {
	r.Key, r.Value, r.Headers = bytes.Clone(r.Key), bytes.Clone(r.Value), slices.Clone(r.Headers)
	for i := range r.Headers {
		h := &r.Headers[i]
		h.Name, h.Value = strings.Clone(h.Name), bytes.Clone(h.Value)
	}
	return r
}

// Letter is a dead letter.
type Letter struct {
	Record
	Form Form
	// Reason is why it is one: of ours, one of the contract's reasons; of other forms,
	// the class of the exception. It is empty if no header says it.
	Reason string
	Error  string // in words, as the header has it
	Origin Origin
	// CutFrom is the size of the value before it was cut, 0 if it is complete.
	CutFrom int64
	// Problems name the headers that could not be read.
	Problems []string
}

// Unknown is the value of numbers of an Origin that are not known.
const Unknown = -1

// Origin is where the record of a letter is in Kafka, as far as the letter says it.
type Origin struct {
	Topic     string   // empty: not known
	TopicID   [16]byte // zero: not known
	Partition int32
	Offset    int64 // of a record batch: of its first record
	// LastOffset is that of a record batch, or of the batch that a point counts.
	LastOffset int64
	// AfterOffset is the offset of the record before it, where its own is not known.
	AfterOffset int64
}

// Known reports whether the origin identifies a record.
func (o Origin) Known() bool {
	return o.Topic != "" && o.Partition != Unknown && o.Offset != Unknown
}

func unknownOrigin() Origin {
	return Origin{Partition: Unknown, Offset: Unknown, LastOffset: Unknown, AfterOffset: Unknown}
}

// ParseTopicID reads the text of contract.TopicIDText.
func ParseTopicID(text string) (id [16]byte, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) != len(id) {
		return id, false
	}
	copy(id[:], b)
	return id, true
}

// String returns the origin in words.
func (o Origin) String() string {
	if o.Topic == "" && o.Partition == Unknown && o.Offset == Unknown {
		return "unknown"
	}
	topic, partition := "unknown", "unknown"
	if o.Topic != "" {
		topic = o.Topic
	}
	if o.Partition != Unknown {
		partition = strconv.Itoa(int(o.Partition))
	}
	offset := "unknown"
	switch {
	case o.Offset != Unknown && o.LastOffset > o.Offset:
		offset = strconv.FormatInt(o.Offset, 10) + " to " + strconv.FormatInt(o.LastOffset, 10)
	case o.Offset != Unknown:
		offset = strconv.FormatInt(o.Offset, 10)
	case o.AfterOffset != Unknown:
		offset = "after " + strconv.FormatInt(o.AfterOffset, 10)
	}
	return "topic " + topic + ", partition " + partition + ", offset " + offset
}
