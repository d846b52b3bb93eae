package track

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// metadataVersion leads the metadata of a commit that this program wrote.
const metadataVersion = "bp1"

// CommitMetadata is the metadata of a commit. It says which configuration may have
// made the points beyond the commit:
//
//   - clean=1: nothing beyond the commit was delivered, so any configuration may
//     continue from here;
//   - clean=0: batches beyond the commit may have left points that were decided
//     by the configuration with this fingerprint. Another configuration would
//     put points of its own beside those, and both would be counted.
//
// It also names the topic, since a group's offsets go by the name: an offset of a
// topic that was deleted says nothing of another one of the same name.
type CommitMetadata struct {
	Fingerprint string
	Clean       bool
	Topic       string // its id, see TopicIDText; empty in older commits
}

func (m CommitMetadata) String() string {
	clean := "0"
	if m.Clean {
		clean = "1"
	}
	text := metadataVersion + ";fp=" + m.Fingerprint + ";clean=" + clean
	if m.Topic != "" {
		text += ";topic=" + m.Topic
	}
	return text
}

// ParseCommitMetadata reads the metadata of a commit. It is not ok if another client
// wrote it, or an operator who set the offset. Unknown keys are ignored, for versions
// to come.
func ParseCommitMetadata(metadata string) (m CommitMetadata, ok bool) {
	parts := strings.Split(metadata, ";")
	if parts[0] != metadataVersion {
		return CommitMetadata{}, false
	}
	var hasPrint, hasClean bool
	for _, part := range parts[1:] {
		key, value, _ := strings.Cut(part, "=")
		switch key {
		case "fp":
			m.Fingerprint, hasPrint = value, true
		case "clean":
			m.Clean, hasClean = value == "1", value == "0" || value == "1"
		case "topic":
			m.Topic = value
		}
	}
	return m, hasPrint && hasClean
}

// Fingerprint shortens what the operator wrote to what fits into a commit.
func Fingerprint(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:8])
}

// Allows reports whether a configuration with this fingerprint may continue from
// the commit.
func (m CommitMetadata) Allows(fingerprint string) bool {
	return m.Clean || m.Fingerprint == fingerprint
}

// Of reports whether the commit was made in the topic with this id, as far as both
// are known.
func (m CommitMetadata) Of(topic string) bool {
	return m.Topic == "" || topic == "" || m.Topic == topic
}

// TopicIDText returns a topic's id as kafka-topics --describe shows it, nothing
// where the brokers know no ids.
func TopicIDText(id [16]byte) string {
	if id == [16]byte{} {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(id[:])
}
