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

// Why a whole message is neither line protocol nor a point.
var (
	errArray  = errors.New("the message is a JSON array: split it into its elements, with `unarchive: { format: json_array }`")
	errString = errors.New("the message is a JSON string, and not the text in it: take that out with the mapping `root = this`")
	errValue  = errors.New("the message is a JSON value, and neither an object nor line protocol")
	errUTF16  = errors.New("the message is UTF-16, by the byte order mark at its start: InfluxDB takes UTF-8, so convert it before")

	// errBlank is no refusal: there is nothing in the message.
	errBlank = errors.New("the message is blank")
)

// withoutMarks returns the batch without the byte order marks at the start of its
// messages, which no JSON parser takes, and which InfluxDB takes for a part of the
// measurement. The messages of the batch stay as they are.
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

// blank reports whether content is blank lines and comments alone.
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

// longestValue is up to where a message is tried for being null, true or a number.
const longestValue = 32

// noText returns why content cannot be line protocol, nil if it can. None of these
// could be a line: one that has a time ends in a digit.
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

// checkJSON returns why JSON does not say one thing alone: a name that comes twice
// in an object, of which a parser keeps the last, or text that is not Unicode,
// which it would change. What is not JSON at all is not its business.
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

// orNotJSON returns that message m is no JSON, or blank, if a mapping or an
// interpolation has failed with err for that. Benthos says so of an interpolation by
// "context was undefined", and exports neither error.
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
