package kafkabatch

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// markVersion leads the metadata of a commit that this input wrote.
const markVersion = "bp1"

// mark is the metadata of a commit. It says what the points beyond the commit
// can have been made by:
//
//   - clean=1: nothing beyond the commit was handed on, so any configuration may
//     go on from here;
//   - clean=0: batches beyond the commit may have left points that were decided
//     by the configuration with this fingerprint. Another configuration would
//     put points of its own beside those, and both would be counted.
//
// It also says of which topic it is, since a group's offsets go by the name: an
// offset of a topic that is gone says nothing of one of the same name.
type mark struct {
	fingerprint string
	clean       bool
	topic       string // its id, see topicIDText; empty in older marks
}

func (m mark) String() string {
	clean := "0"
	if m.clean {
		clean = "1"
	}
	text := markVersion + ";fp=" + m.fingerprint + ";clean=" + clean
	if m.topic != "" {
		text += ";topic=" + m.topic
	}
	return text
}

// parseMark reads the metadata of a commit. It is not ok if this input did not
// write it: another client did, or an operator who set the offset. Keys that are
// not known are passed over, for versions to come.
func parseMark(metadata string) (m mark, ok bool) {
	parts := strings.Split(metadata, ";")
	if parts[0] != markVersion {
		return mark{}, false
	}
	var hasPrint, hasClean bool
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "fp":
			m.fingerprint, hasPrint = value, true
		case "clean":
			m.clean, hasClean = value == "1", value == "0" || value == "1"
		case "topic":
			m.topic = value
		}
	}
	return m, hasPrint && hasClean
}

// fingerprintOf shortens what the operator wrote to what fits into a commit.
func fingerprintOf(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// allows tells whether a configuration with this fingerprint may go on from the
// commit.
func (m mark) allows(fingerprint string) bool { return m.clean || m.fingerprint == fingerprint }

// of tells whether the commit was made in the topic with this id, as far as both
// are known.
func (m mark) of(topic string) bool { return m.topic == "" || topic == "" || m.topic == topic }

// topicIDText gives a topic's id as kafka-topics --describe shows it, nothing
// where the brokers know no ids.
func topicIDText(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}
