package kafkabatch

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/interpolation"
)

// setting is a field with interpolations.
type setting struct {
	field string
	text  *service.InterpolatedString
	nulls *interpolation.Nulls // nil without expressions
}

// settingFrom returns nil if the field is not set.
func settingFrom(parsed *service.ParsedConfig, field string) (*setting, error) {
	if !parsed.Contains(field) {
		return nil, nil
	}
	raw, err := parsed.FieldString(field)
	if err != nil || raw == "" {
		return nil, err
	}
	text, err := parsed.FieldInterpolatedString(field)
	if err != nil {
		return nil, err
	}
	return &setting{field, text, interpolation.NullsOf(raw)}, nil
}

// static returns the text of a setting that does not depend on the message.
func (s *setting) static() (text string, static bool) {
	if s == nil {
		return "", true
	}
	return s.text.Static()
}

// filled is a setting for the messages of a batch.
type filled struct {
	*setting
	filler *service.MessageBatchInterpolationExecutor
	nulls  *interpolation.Finder
}

// of returns nil for a setting that is not set.
func (s *setting) of(batch service.MessageBatch) *filled {
	if s == nil {
		return nil
	}
	f := &filled{setting: s, filler: batch.InterpolationExecutor(s.text)}
	if s.nulls != nil {
		f.nulls = s.nulls.Of(batch)
	}
	return f
}

// errNothing is why a setting has no value: an expression is null, or finds nothing.
var errNothing = errors.New("finds no such key in the message, or null")

// bytes returns the setting for message i.
func (f *filled) bytes(i int) ([]byte, error) {
	text, err := f.filler.TryBytes(i)
	if err != nil {
		return nil, fmt.Errorf("evaluating %s: %w", f.field, err)
	}
	if f.nulls == nil {
		return text, nil
	}
	if source, found := f.nulls.Find(i, text); found {
		return nil, fmt.Errorf("%s is %.100q: ${! %s } %w; add the key, or a default with .or()", f.field, text, source, errNothing)
	}
	return text, nil
}

// optional is bytes for a setting that need not have a value: it is empty if the setting
// is one expression that finds nothing.
func (f *filled) optional(i int) ([]byte, error) {
	text, err := f.bytes(i)
	if errors.Is(err, errNothing) && f.setting.nulls.Alone {
		return nil, nil
	}
	return text, err
}

// number returns the setting for message i as a whole number of so many bits.
func (f *filled) number(i, bits int) (int64, error) {
	text, err := f.bytes(i)
	if err != nil {
		return 0, err
	}
	number, err := strconv.ParseInt(string(text), 10, bits)
	if err != nil {
		return 0, fmt.Errorf("%s is %.100q: it must be a whole number of %d bits", f.field, text, bits)
	}
	return number, nil
}
