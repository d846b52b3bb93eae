package sentimentwindow

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// A dead letter carries the key, the headers and the timestamp of its record, so that
// the record can be written again. Each is bounded, and what is left out is named: with
// the id of the topic, the whole record can be read while Kafka retains it.
const (
	maxCarriedKey     = 512
	maxCarriedHeaders = 1024 // as they are encoded
)

// carry sets the metadata of a dead letter that its record needs to be written again.
// record is that of a batch; nil if m is the message of an input.
func carry(m *service.Message, record *recordbatch.Record) {
	var leftOut []string
	key, known := keyOf(m)
	millis, timed := timestampOf(m)
	var headers string
	var whole bool // all of them
	if record != nil {
		headers, whole = encodedHeaders(record.Headers.All())
	} else {
		headers, whole = headersOf(m)
	}
	if !timed {
		return // a mapping or a header has replaced it: the message is not as its input made it
	}
	m.MetaSetMut(contract.DeadTimestamp, int(millis))
	switch {
	case !known || len(key) > maxCarriedKey:
		leftOut = append(leftOut, contract.LeftOutKey)
	case key != nil:
		m.MetaSetMut(contract.DeadKey, key)
	}
	switch {
	case !whole:
		leftOut = append(leftOut, contract.LeftOutHeaders)
	case headers != "":
		m.MetaSetMut(contract.DeadHeaders, headers)
	}
	if len(leftOut) > 0 {
		m.MetaSetMut(contract.DeadLeftOut, strings.Join(leftOut, " "))
	}
}

// keyOf returns the key of a message's record. A header of the same name would be a
// string.
func keyOf(m *service.Message) (key []byte, known bool) {
	v, _ := m.MetaGetMut(contract.KafkaKey)
	key, known = v.([]byte)
	return key, known
}

func timestampOf(m *service.Message) (millis int64, known bool) {
	v, _ := m.MetaGetMut(contract.KafkaTimestamp)
	millis, known = v.(int64)
	return millis, known
}

// headersOf returns the headers of a message's record, which only the redpanda input
// keeps apart from other metadata. It keeps no list if there are none.
func headersOf(m *service.Message) (encoded string, whole bool) {
	v, has := m.MetaGetMut(contract.RedpandaHeaders)
	list, known := v.([]kgo.RecordHeader)
	if !has {
		return "", ofRedpanda(m)
	}
	if !known {
		return "", false
	}
	return encodedHeaders(func(yield func(name, value []byte) bool) {
		for _, h := range list {
			if !yield([]byte(h.Key), h.Value) {
				return
			}
		}
	})
}

// ofRedpanda reports whether a message is one of the redpanda input: kafka_batches
// delivers in a context of its own and gives the id of the topic, and kafka_franz has
// keys of type string.
func ofRedpanda(m *service.Message) bool {
	_, hasID := m.MetaGetMut(contract.KafkaTopicID)
	_, key := keyOf(m)
	return key && !hasID && delivery.Of(m.Context()) == nil
}

// encodedHeaders encodes headers as contract.DeadHeaders says, empty if there are none.
// whole is false if they do not fit, or have a name that JSON cannot carry.
func encodedHeaders(all func(yield func(name, value []byte) bool)) (encoded string, whole bool) {
	var list [][2]any
	size, whole := 0, true
	all(func(name, value []byte) bool {
		size += len(name) + len(value)
		if size > maxCarriedHeaders || !utf8.Valid(name) {
			whole = false
			return false
		}
		pair := [2]any{string(name), nil}
		if value != nil {
			pair[1] = value // as base64
		}
		list = append(list, pair)
		return true
	})
	if !whole || len(list) == 0 {
		return "", whole
	}
	text, err := json.Marshal(list)
	if err != nil || len(text) > maxCarriedHeaders {
		return "", false
	}
	return string(text), true
}
