package influxdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// Reasons to reject a whole message that is neither line protocol nor a point.
var (
	errArray  = errors.New("the message is a JSON array: split it into its elements, with `unarchive: { format: json_array }`")
	errString = errors.New("the message is a JSON string: decode it with the mapping `root = this`")
	errValue  = errors.New("the message is a JSON value, neither an object nor line protocol")
	errUTF16  = errors.New("the message begins with the byte order mark of UTF-16: InfluxDB requires UTF-8; convert it before this output")

	// errBlank is not a reason to reject: the message has no content to lose.
	errBlank = errors.New("the message is blank")
)

// withoutMarks returns the batch without byte order marks at the start of messages, which
// JSON parsers reject and InfluxDB adds to the measurement. It does not change the given
// messages.
func withoutMarks(batch service.MessageBatch) service.MessageBatch {
	changed := false
	for i, m := range batch {
		if m.HasStructured() {
			continue
		}
		content, err := m.AsBytes()
		if err != nil || !bytes.HasPrefix(content, []byte(lineproto.Mark)) {
			continue
		}
		if !changed {
			batch, changed = slices.Clone(batch), true
		}
		batch[i] = m.Copy()
		batch[i].SetBytes(content[len(lineproto.Mark):])
	}
	return batch
}

// firstOf returns the first byte of content that is not blank, 0 if there is none.
func firstOf(content []byte) byte {
	for _, c := range content {
		if c != ' ' && c != '\t' && c != '\n' && c != '\r' && c != 0 {
			return c
		}
	}
	return 0
}

// blank reports whether content has nothing but blank lines and comments.
func blank(content []byte) bool {
	switch firstOf(content) {
	case 0:
		return true
	case '#', lineproto.Mark[0]:
		line, _ := lineproto.NextLine(content)
		return len(line.Bytes) == 0
	}
	return false
}

// longestValue is the length up to which a message is checked for being JSON null, a
// boolean or a number.
const longestValue = 32

// noText returns why content cannot be line protocol, nil if it can. No valid JSON
// is a point with a timestamp.
func noText(content []byte) error {
	switch first := firstOf(content); {
	case first == '[' && json.Valid(content):
		return errArray
	case first == '"' && json.Valid(content):
		return errString
	case len(content) <= longestValue && json.Valid(content):
		return errValue
	case bytes.HasPrefix(content, []byte("\xFF\xFE")), bytes.HasPrefix(content, []byte("\xFE\xFF")):
		return errUTF16
	}
	return nil
}

// checkJSON returns an error for JSON that a parser would silently change: it keeps the
// last of duplicate names in an object, and replaces invalid Unicode with U+FFFD. Content
// that is not JSON is not an error here.
func checkJSON(content []byte) error {
	if jsontext.Value(content).IsValid() || !json.Valid(content) {
		return nil
	}
	decoder := jsontext.NewDecoder(bytes.NewReader(content))
	for {
		if _, err := decoder.ReadValue(); err == io.EOF {
			return nil
		} else if err != nil {
			return fmt.Errorf("the message is ambiguous JSON: %w", err)
		}
	}
}

// orNotJSON returns the cause of err, the failure of a mapping or an interpolation, if
// that is a message that is not JSON or has no content, and err otherwise. Benthos
// exports neither error, and for an interpolation its text does not name the cause.
func orNotJSON(m *service.Message, err error) error {
	text := err.Error()
	if !strings.Contains(text, "context was undefined") && !strings.Contains(text, "unable to reference message as structured") {
		return err
	}
	content, failure := m.AsBytes()
	if failure == nil && firstOf(content) == 0 {
		return errBlank
	}
	if _, failure = m.AsStructured(); failure == nil {
		return err
	}
	return fmt.Errorf("the message is not JSON: %w", failure)
}

// isArray reports whether a message is a JSON array.
func isArray(m *service.Message) bool {
	value, err := m.AsStructured()
	_, array := value.([]any)
	return err == nil && array
}
