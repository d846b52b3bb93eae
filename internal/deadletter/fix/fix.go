// Package fix changes the records of dead letters by a Bloblang mapping of the user,
// before they are written again, and shows what it changes.
package fix

import (
	"bytes"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Mapping changes records.
type Mapping struct{ executor *bloblang.Executor }

// New parses a mapping.
func New(text string) (*Mapping, error) {
	executor, err := bloblang.GlobalEnvironment().Parse(text)
	if err != nil {
		return nil, err
	}
	return &Mapping{executor}, nil
}

// Apply returns a changed copy of a record. The mapping sees the value as content, the
// headers as metadata and the key as the metadata kafka_key: text, or bytes where they
// are not UTF-8. kept is false if the mapping deletes the record.
//
// Metadata has one value per name and no order, headers have both. So headers whose
// metadata the mapping leaves alone stay as they are, all of a name; a changed one takes
// the place of the first, and new ones follow by name.
func (m *Mapping) Apply(r deadletter.Record) (fixed deadletter.Record, kept bool, err error) {
	before := service.NewMessage(r.Value)
	for _, h := range r.Headers {
		before.MetaSetMut(h.Name, value(h.Value))
	}
	before.MetaSetMut(contract.KafkaKey, value(r.Key)) // also where a header has that name
	was := metadata(before)
	after, err := before.BloblangQuery(m.executor)
	if err != nil || after == nil {
		return r, false, err
	}
	content, err := after.AsBytes()
	if err != nil {
		return r, false, fmt.Errorf("encoding its result: %w", err)
	}
	fixed = r.Clone()
	if !bytes.Equal(content, r.Value) { // a value that is null stays null
		fixed.Value = bytes.Clone(content)
	}
	is := metadata(after)
	if !same(was[contract.KafkaKey], is[contract.KafkaKey]) {
		fixed.Key = is[contract.KafkaKey]
	}
	fixed.Headers = headers(fixed.Headers, was, is)
	return fixed, true, nil
}

func value(b []byte) any {
	switch {
	case b == nil:
		return nil
	case utf8.Valid(b):
		return string(b)
	}
	return bytes.Clone(b)
}

// metadata returns all metadata as bytes, nil where it is null.
func metadata(m *service.Message) map[string][]byte {
	all := map[string][]byte{}
	_ = m.MetaWalkMut(func(name string, v any) error {
		switch v := v.(type) {
		case nil:
			all[name] = nil
		case string:
			all[name] = []byte(v)
		case []byte:
			all[name] = append([]byte{}, v...)
		default:
			text, _ := m.MetaGet(name) // as Benthos writes headers
			all[name] = []byte(text)
		}
		return nil
	})
	return all
}

// same reports whether two values are equal; null is not the empty value.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func headers(old []deadletter.Header, was, is map[string][]byte) (list []deadletter.Header) {
	done := map[string]bool{contract.KafkaKey: true}
	for _, h := range old {
		now, has := is[h.Name]
		switch {
		case h.Name == contract.KafkaKey, has && same(was[h.Name], now):
			list = append(list, h)
		case has && !done[h.Name]:
			list = append(list, deadletter.Header{Name: h.Name, Value: now})
		}
		done[h.Name] = true
	}
	var added []string
	for name := range is {
		if !done[name] {
			added = append(added, name)
		}
	}
	slices.Sort(added)
	for _, name := range added {
		list = append(list, deadletter.Header{Name: name, Value: is[name]})
	}
	return list
}
