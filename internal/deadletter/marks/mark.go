// Package marks says which dead letters are settled: replayed, dropped or parked. A mark
// is a record of a compacted topic. Its key is the origin of the letter, not the letter's
// own position, since a letter may be written twice. It knows no brokers.
package marks

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/topicname"
)

// Outcome is how a letter was settled, or how far that is.
type Outcome string

// The outcomes. The last two are of points only, and leave the letter open.
const (
	Replayed Outcome = "replayed"
	Dropped  Outcome = "dropped"
	Parked   Outcome = "parked" // written to a topic of letters that failed too often
	// Intended: the line with Hash was to be written to InfluxDB and may be stored. Until
	// it is known to be, no other line may be written in its place.
	Intended Outcome = "intended"
	// Refused: InfluxDB has rejected the line, which is not stored.
	Refused Outcome = "refused"
)

// Settles reports whether a letter with this outcome needs nothing more.
func (o Outcome) Settles() bool { return o != Intended && o != Refused }

// Mark is the value of a record of the topic of marks.
type Mark struct {
	Outcome Outcome `json:"outcome"`
	Letter  string  `json:"letter"`        // position of the letter, PARTITION:OFFSET
	Why     string  `json:"why,omitempty"` // of a dropped letter; of a refused one, InfluxDB's words
	At      int64   `json:"at"`            // milliseconds since the Unix epoch

	// Of points. Was is that of the letter, Is that of the line that is written; the hash
	// is that line's. audit reads both points.
	Hash    string      `json:"hash,omitempty"`
	Was     *line.Point `json:"was,omitempty"`
	Is      *line.Point `json:"is,omitempty"`
	Replays int64       `json:"replays,omitempty"` // how often InfluxDB rejected it
}

// Topic returns the topic of the marks of a topic of dead letters.
func Topic(letters string) string { return letters + "_marks" }

// Key returns the key of a letter's mark: the id of its record's topic, or the name where
// the letter has no id, the partition and the offset; for a record batch the last offset
// too, and for a point a hash of measurement, tags and time. Letters without an origin, or
// with one that cannot be, have their own position as key, in the topic of letters with
// this id: of two such letters of one record, each counts.
func Key(l *deadletter.Letter, letters [16]byte) string {
	o := l.Origin
	if !o.Known() || o.TopicID == [16]byte{} && !topicname.Valid(o.Topic) {
		return fmt.Sprintf("%s/%s/%d/%d", ofLetter, contract.TopicIDText(letters), l.Partition, l.Offset)
	}
	topic := ofName + "/" + o.Topic
	if o.TopicID != [16]byte{} {
		topic = ofID + "/" + contract.TopicIDText(o.TopicID)
	}
	key := topic + "/" + strconv.Itoa(int(o.Partition)) + "/" + strconv.FormatInt(o.Offset, 10)
	if o.LastOffset != deadletter.Unknown {
		key += "-" + strconv.FormatInt(o.LastOffset, 10)
	}
	if IsPoint(l) {
		key += "/" + pointKey(l)
	}
	return key
}

// IsPoint reports whether a letter is a point that InfluxDB rejected.
func IsPoint(l *deadletter.Letter) bool {
	return l.Form == deadletter.Ours && l.Reason == contract.ReasonRejected
}

// pointKey identifies the point of a letter: by its bytes where they are no line, or not
// all of one.
func pointKey(l *deadletter.Letter) string {
	if l.CutFrom == 0 {
		if p, err := line.Parse(l.Value); err == nil {
			return line.Hash([]byte("point " + p.Identity()))
		}
	}
	return line.Hash(append([]byte("bytes "), l.Value...))
}

// The first parts of keys.
const (
	ofLetter = "letter"
	ofID     = "id"
	ofName   = "topic"
)

// Place is where the record of a mark is, or the letter itself where its record is not
// known.
type Place struct {
	ID        [16]byte // of the topic, if Name is empty
	Name      string
	Partition int32
	Last      int64 // the last offset
}

// PlaceOf reads the key of a mark. ok is false for keys that Key does not make, and for
// topics whose names Kafka does not allow.
func PlaceOf(key string) (p Place, ok bool) {
	parts := strings.Split(key, "/")
	if len(parts) == 5 && len(parts[4]) == 32 && parts[0] != ofLetter {
		parts = parts[:4] // without the hash of a point
	}
	if len(parts) != 4 {
		return p, false
	}
	switch parts[0] {
	case ofName:
		p.Name = parts[1]
		ok = p.Name != ""
	case ofID, ofLetter:
		p.ID, ok = deadletter.ParseTopicID(parts[1])
		ok = ok && p.ID != [16]byte{}
	}
	partition, err := strconv.ParseInt(parts[2], 10, 32)
	ok = ok && err == nil && partition >= 0
	p.Partition = int32(partition)
	first, last, isRange := strings.Cut(parts[3], "-")
	if !isRange {
		last = first
	}
	start, err := strconv.ParseInt(first, 10, 64)
	ok = ok && err == nil && start >= 0
	p.Last, err = strconv.ParseInt(last, 10, 64)
	return p, ok && err == nil && p.Last >= start
}

// Encode returns the value of a mark.
func (m Mark) Encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // of strings and numbers: never
	}
	return text
}

// Decode reads the value of a mark. A mark of a later version, with an outcome that this
// one does not know, settles its letter.
func Decode(value []byte) (m Mark, err error) {
	if err := json.Unmarshal(value, &m); err != nil {
		return m, fmt.Errorf("the mark %s is not JSON: %w", deadletter.Printable(string(value), 100), err)
	}
	return m, nil
}
