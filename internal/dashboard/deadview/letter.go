package deadview

import (
	"encoding/hex"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

const (
	maxHeaderBytes = 1000 // of one header
	maxTextBytes   = 2000 // of a value that is text
	maxHexBytes    = 256  // of any other value
)

// Letter is a dead letter, with an excerpt of its value. Of its headers, only those
// that the pipelines write are shown: others may contain secrets.
type Letter struct {
	Partition int32 `json:"partition"`
	Offset    int64 `json:"offset"`
	Time      int64 `json:"time"` // unix milliseconds

	Reason     string `json:"reason"`
	Error      string `json:"error"`
	Topic      string `json:"from_topic"`
	From       string `json:"from_partition"`
	FromOffset string `json:"from_offset"`
	LastOffset string `json:"last_offset"`  // of a record batch, or of the source of a point
	After      string `json:"after_offset"` // of the record before it, if its own offset is not known
	CutFrom    string `json:"cut_from"`     // bytes of a value that was too long for a letter

	Bytes int `json:"bytes"` // of the value
	// Excerpt is the beginning of the value, as text or, where it is none, as a hex dump.
	Excerpt string `json:"excerpt"`
	Hex     bool   `json:"hex"`
	Shown   int    `json:"shown"` // bytes of the value in the excerpt
}

func letterOf(r *kgo.Record) Letter {
	l := Letter{Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp.UnixMilli(), Bytes: len(r.Value)}
	fields := map[string]*string{
		contract.DeadReason:      &l.Reason,
		contract.DeadError:       &l.Error,
		contract.DeadTopic:       &l.Topic,
		contract.DeadPartition:   &l.From,
		contract.DeadOffset:      &l.FromOffset,
		contract.DeadLastOffset:  &l.LastOffset,
		contract.DeadAfterOffset: &l.After,
		contract.DeadCutFrom:     &l.CutFrom,
	}
	for _, h := range r.Headers {
		if field, shown := fields[h.Key]; shown {
			*field = bounded(string(h.Value), maxHeaderBytes)
		}
	}
	l.Excerpt, l.Shown, l.Hex = excerpt(r.Value)
	return l
}

// excerpt returns the beginning of a value. Only the part that is shown must be text.
func excerpt(value []byte) (text string, shown int, isHex bool) {
	part := value[:min(len(value), maxTextBytes)]
	for cut := 0; len(part) < len(value) && cut < utf8.UTFMax-1 && !utf8.Valid(part); cut++ {
		part = part[:len(part)-1] // half a character
	}
	if isText(part) {
		return string(part), len(part), false
	}
	part = value[:min(len(value), maxHexBytes)]
	return strings.TrimSuffix(hex.Dump(part), "\n"), len(part), true
}

func isText(part []byte) bool {
	if !utf8.Valid(part) {
		return false
	}
	return !strings.ContainsFunc(string(part), func(r rune) bool {
		return unicode.IsControl(r) && r != '\t' && r != '\n' && r != '\r'
	})
}

// bounded limits a text from elsewhere, and makes it valid UTF-8.
func bounded(text string, limit int) string {
	if len(text) > limit {
		text = strings.ToValidUTF8(text[:limit], "") + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}
