// Package marks says which dead letters are settled: replayed, or dropped. A mark is a
// record of a compacted topic. Its key is the origin of the letter, not the letter's
// own position, since a letter may be written twice. It knows no brokers.
package marks

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Outcome is how a letter was settled.
type Outcome string

// The outcomes.
const (
	Replayed Outcome = "replayed"
	Dropped  Outcome = "dropped"
	Parked   Outcome = "parked" // written to a topic of letters that failed too often
)

// Mark is the value of a record of the topic of marks.
type Mark struct {
	Outcome Outcome `json:"outcome"`
	Letter  string  `json:"letter"`        // position of the letter, PARTITION:OFFSET
	Why     string  `json:"why,omitempty"` // of a dropped letter
	At      int64   `json:"at"`            // milliseconds since the Unix epoch
}

// Topic returns the topic of the marks of a topic of dead letters.
func Topic(letters string) string { return letters + "_marks" }

// Key returns the key of a letter's mark: the id of its record's topic, or the name where
// the letter has no id, the partition and the offset; for a record batch the last offset
// too, and for a point a hash of the line. Letters without an origin have their own
// position as key, in the topic of letters with this id: of two such letters of one
// record, each counts.
func Key(l *deadletter.Letter, letters [16]byte) string {
	o := l.Origin
	if !o.Known() {
		return fmt.Sprintf("letter/%s/%d/%d", contract.TopicIDText(letters), l.Partition, l.Offset)
	}
	topic := "topic/" + o.Topic
	if o.TopicID != [16]byte{} {
		topic = "id/" + contract.TopicIDText(o.TopicID)
	}
	key := topic + "/" + strconv.Itoa(int(o.Partition)) + "/" + strconv.FormatInt(o.Offset, 10)
	if o.LastOffset != deadletter.Unknown {
		key += "-" + strconv.FormatInt(o.LastOffset, 10)
	}
	if l.Form == deadletter.Ours && l.Reason == contract.ReasonRejected {
		sum := sha256.Sum256(l.Value)
		key += fmt.Sprintf("/%x", sum[:16])
	}
	return key
}

// Set are the keys of settled letters, by their hashes.
type Set struct{ keys map[[16]byte]bool }

// MaxMarks bounds the memory of a Set, to about 300 MB.
const MaxMarks = 5_000_000

// NewSet returns an empty set.
func NewSet() *Set { return &Set{map[[16]byte]bool{}} }

func hashed(key string) (h [16]byte) {
	sum := sha256.Sum256([]byte(key))
	copy(h[:], sum[:])
	return h
}

// Has reports whether a letter with this key is settled.
func (s *Set) Has(key string) bool { return s.keys[hashed(key)] }

// Add settles the letters with this key.
func (s *Set) Add(key string) error {
	if len(s.keys) >= MaxMarks {
		return fmt.Errorf("there are more than %d marks, the limit of this program", MaxMarks)
	}
	s.keys[hashed(key)] = true
	return nil
}

// Len returns the number of keys.
func (s *Set) Len() int { return len(s.keys) }

// Encode returns the value of a mark.
func (m Mark) Encode() []byte {
	text, err := json.Marshal(m)
	if err != nil {
		panic(err) // of strings and numbers: never
	}
	return text
}

// Apply reads a record of the topic of marks. A value that is null removes its mark.
func (s *Set) Apply(r *deadletter.Record) error {
	if r.Value == nil {
		delete(s.keys, hashed(string(r.Key)))
		return nil
	}
	return s.Add(string(r.Key))
}
