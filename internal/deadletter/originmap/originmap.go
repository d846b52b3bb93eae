// Package originmap reads dead letters of forms that this program does not know, by a
// Bloblang mapping of the user.
package originmap

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Mapping makes letters of records.
type Mapping struct{ executor *bloblang.Executor }

// New parses a mapping.
func New(text string) (*Mapping, error) {
	executor, err := bloblang.GlobalEnvironment().Parse(text)
	if err != nil {
		return nil, err
	}
	return &Mapping{executor}, nil
}

// Read returns the letter in a record: as deadletter.Read does, with the parts that the
// mapping's object has: topic, partition, offset, topic_id, reason and error. The
// message of the mapping has the record's value, and its headers as metadata: text, or
// bytes where they are not UTF-8. If the mapping fails, that is a problem of the letter.
func (m *Mapping) Read(r deadletter.Record) deadletter.Letter {
	l := deadletter.Read(r)
	object, err := m.result(r)
	if err != nil {
		l.Problems = append(l.Problems, "the mapping of its origin: "+deadletter.Printable(err.Error(), 300))
		return l
	}
	for _, name := range names {
		v, has := object[name]
		if !has || v == nil {
			continue
		}
		if err := set(&l, name, v); err != nil {
			l.Problems = append(l.Problems, fmt.Sprintf("the mapping of its origin: %s: %s", name, deadletter.Printable(err.Error(), 300)))
			continue
		}
		l.Form = deadletter.Mapped
	}
	return l
}

// names are the members of the mapping's object.
var names = []string{"topic", "topic_id", "partition", "offset", "reason", "error"}

func (m *Mapping) result(r deadletter.Record) (map[string]any, error) {
	message := service.NewMessage(r.Value)
	for _, h := range r.Headers {
		var value any
		switch {
		case h.Value == nil:
		case utf8.Valid(h.Value):
			value = string(h.Value)
		default:
			value = h.Value
		}
		message.MetaSetMut(h.Name, value)
	}
	mapped, err := message.BloblangQuery(m.executor)
	if err != nil {
		return nil, err
	}
	if mapped == nil {
		return nil, errors.New("it deletes the message; return an object with topic, partition and offset")
	}
	v, err := mapped.AsStructured()
	if err != nil {
		return nil, errors.New("its result is not an object with topic, partition and offset")
	}
	object, is := v.(map[string]any)
	if !is {
		return nil, fmt.Errorf("its result is %T, not an object with topic, partition and offset", v)
	}
	return object, nil
}

func set(l *deadletter.Letter, name string, v any) error {
	var err error
	switch name {
	case "topic":
		l.Origin.Topic, err = text(v)
	case "reason":
		l.Reason, err = text(v)
	case "error":
		l.Error, err = text(v)
	case "topic_id":
		var id string
		if id, err = text(v); err == nil {
			var ok bool
			if l.Origin.TopicID, ok = deadletter.ParseTopicID(id); !ok {
				err = fmt.Errorf("%q is not the id of a topic, as Kafka prints it", id)
			}
		}
	case "partition":
		var n int64
		if n, err = number(v); err == nil && n > math.MaxInt32 {
			err = fmt.Errorf("%d is not a partition", n)
		}
		if err == nil {
			l.Origin.Partition = int32(n)
		}
	case "offset":
		var n int64
		if n, err = number(v); err == nil {
			l.Origin.Offset = n
		}
	}
	return err
}

func text(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("%v is not a text", v)
}

// number accepts what headers have too: digits, and 4 or 8 bytes, big endian.
func number(v any) (int64, error) {
	switch v := v.(type) {
	case int64:
		if v >= 0 {
			return v, nil
		}
	case uint64:
		if v <= math.MaxInt64 {
			return int64(v), nil
		}
	case float64:
		if v >= 0 && v < 1<<53 && v == math.Trunc(v) {
			return int64(v), nil
		}
	case json.Number:
		if n, err := strconv.ParseInt(string(v), 10, 64); err == nil && n >= 0 {
			return n, nil
		}
	case string:
		if n, ok := deadletter.Number([]byte(v)); ok {
			return n, nil
		}
	case []byte:
		if n, ok := deadletter.Number(v); ok {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%v is not a whole number that is not negative", v)
}
