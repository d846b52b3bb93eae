// Package letter makes the messages that an output delivers to its output `rejected`: what
// was rejected, with the metadata of its message and the reason, of bounded size.
package letter

import (
	"fmt"
	"slices"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
)

const (
	// DefaultBytes is the default limit of a letter: it fits into a record of Kafka's
	// default limit of 1 MiB.
	DefaultBytes = 1_000_000
	// MinBytes is the smallest limit of a letter: reason and origin fit into it.
	MinBytes = 16 << 10
	// MaxMetaBytes bounds the metadata of the message. A record's headers alone can have
	// 1 MiB.
	MaxMetaBytes = 64 << 10
	// MaxMetaValue bounds each value of it.
	MaxMetaValue = 8 << 10
	// MaxMetaName bounds each name of it.
	MaxMetaName = 256
)

// Keys are the names of the metadata that a component adds to its letters.
type Keys struct {
	Cut     string   // names of other metadata that was cut or left out, separated by spaces
	CutFrom string   // bytes of the content before it was cut
	Others  []string // set by the caller of Make
}

// Pair is a key of metadata with its value.
type Pair struct {
	Key   string
	Value any
}

// Make returns a letter of at most limit bytes in total: the content, or that of the
// message if it is nil, with the metadata of its message and what is to be said of it.
func (k Keys) Make(origin *service.Message, content []byte, about []Pair, limit int) *service.Message {
	m := origin.Copy()
	left := limit
	set := func(name string, value any) {
		m.MetaSetMut(name, value)
		left -= len(name) + len(fmt.Sprint(value))
	}
	size, names := k.cutMetadata(m, min(limit/4, MaxMetaBytes))
	left -= size
	for _, a := range about {
		set(a.Key, a.Value)
	}
	if names != "" {
		set(k.Cut, names)
	}
	whole := content
	if whole == nil {
		// An error means that the value has no bytes; they are empty then.
		whole, _ = m.AsBytes()
	}
	if reserve := len(k.CutFrom) + len("18446744073709551615"); len(whole) > left-reserve {
		m.MetaSetMut(k.CutFrom, len(whole))
		m.SetBytes([]byte(Cut(string(whole), left-reserve)))
	} else if content != nil {
		m.SetBytes(slices.Clone(content))
	}
	return m
}

// cutMetadata bounds the metadata of a message, and returns the size of what is left and
// the names of what was truncated or removed. The position in Kafka comes first, then the
// order is that of the names, so that the result is deterministic.
func (k Keys) cutMetadata(m *service.Message, limit int) (left int, cut string) {
	var names []string
	_ = m.MetaWalkMut(func(name string, _ any) error { // the function has no error
		names = append(names, name)
		return nil
	})
	place := func(name string) bool {
		return contract.IsPosition(name) || name == contract.KafkaLastOffset
	}
	slices.SortFunc(names, func(a, b string) int {
		if place(a) != place(b) {
			return map[bool]int{true: -1, false: 1}[place(a)]
		}
		return strings.Compare(a, b)
	})
	note := func(name string) {
		if len(cut) < MaxMetaName {
			cut = strings.TrimPrefix(cut+" "+Cut(Clean(name, nil), MaxMetaName/4), " ")
		}
	}
	for _, name := range names {
		value, _ := m.MetaGet(name)
		switch size := len(name) + min(len(value), MaxMetaValue); {
		case name == k.Cut, name == k.CutFrom, slices.Contains(k.Others, name):
			m.MetaDelete(name) // of an earlier rejection
			continue
		case len(name) > MaxMetaName, left+size > limit:
			m.MetaDelete(name)
			note(name)
			continue
		case len(value) > MaxMetaValue:
			value = Cut(value, MaxMetaValue)
			m.MetaSetMut(name, value)
			note(name)
		}
		left += len(name) + len(value)
	}
	return left, cut
}
