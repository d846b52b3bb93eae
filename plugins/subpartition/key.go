package subpartition

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// keyMapping is the mapping `key`.
//
// Benthos returns the value of a mapping as a message, in which null and the text "null"
// are the same. So the mapping is extended to return a list: of the value, or of nothing.
type keyMapping struct {
	exec *bloblang.Executor
	list bool // false for a mapping that cannot be extended: the text "null" is null there
}

func keyFrom(parsed *service.ParsedConfig) (keyMapping, error) {
	plain, err := parsed.FieldBloblang(fieldKey)
	if err != nil {
		return keyMapping{}, err
	}
	text, err := parsed.FieldString(fieldKey)
	if err != nil {
		return keyMapping{}, err
	}
	for _, extended := range []string{
		text + "\nroot = [ root ]",
		"root = [\n" + text + "\n]", // of a single expression
	} {
		if exec, err := bloblang.Parse(extended); err == nil {
			return keyMapping{exec, true}, nil
		}
	}
	return keyMapping{plain, false}, nil // from "file.blobl", or with functions of an environment
}

// of returns the key of a message. With null, an empty text, deleted() or no assignment it
// has none, and is delivered without an order: a record without a key is an event of its
// own, and all of them under one key would be delivered one after the other.
func (k keyMapping) of(m *service.Message) (key string, keyed bool, err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("evaluating `key`: %w", err)
		}
	}()
	// Not BloblangQueryValue, which cannot evaluate @kafka_key.
	mapped, err := m.BloblangQuery(k.exec)
	if err != nil || mapped == nil {
		return "", false, err
	}
	value, err := k.value(mapped)
	if err != nil {
		return "", false, err
	}
	switch v := value.(type) {
	case nil:
	case string:
		key = v
	case []byte:
		key = string(v)
	case map[string]any, []any:
		return "", false, fmt.Errorf("it is %s, not a string or a number; use .format_json() for a key of several values", valuetype.Of(v))
	default:
		key = fmt.Sprint(v)
	}
	return key, key != "", nil
}

func (k keyMapping) value(mapped *service.Message) (any, error) {
	if k.list || mapped.HasStructured() {
		v, err := mapped.AsStructured()
		if list, is := v.([]any); is && k.list {
			if len(list) == 0 {
				return nil, err
			}
			return list[0], err
		}
		return v, err
	}
	text, err := mapped.AsBytes()
	if string(text) == "null" {
		return nil, err
	}
	return text, err
}
