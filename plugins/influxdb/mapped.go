package influxdb

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// mappedPoints maps the messages of a batch to points.
type mappedPoints struct {
	encoder     *encoder
	batch       service.MessageBatch
	measurement *filling
	tags        *service.MessageBatchBloblangExecutor
	fields      *service.MessageBatchBloblangExecutor
	timestamp   *service.MessageBatchBloblangExecutor
	traced      *service.MessageBatchBloblangExecutor // of tagsTraced; created when first needed
	other       *service.MessageBatchBloblangExecutor // of tagsOther; created when first needed
}

func (e *encoder) mapping(batch service.MessageBatch) *mappedPoints {
	m := &mappedPoints{
		encoder:     e,
		batch:       batch,
		measurement: e.measurement.of(batch),
		fields:      batch.BloblangExecutor(e.fields),
		timestamp:   batch.BloblangExecutor(e.timestamp),
	}
	if e.tags != nil {
		m.tags = batch.BloblangExecutor(e.tags)
	}
	return m
}

func (m *mappedPoints) point(i int) (p point, err error) {
	if p.measurement, err = m.measurement.text(i); err != nil {
		return p, err
	}
	if m.tags != nil {
		if p.tags, err = m.tagsOf(i); err != nil {
			return p, err
		}
	}
	value, err := m.mapped(fieldFields, m.fields, i)
	if err != nil {
		return p, err
	}
	var ok bool
	if p.fields, ok = value.(map[string]any); !ok {
		return p, mustBeObject(fieldFields, value)
	}
	if value, err = m.mapped(fieldTimestamp, m.timestamp, i); err != nil {
		return p, err
	}
	p.ns, err = nanoseconds(value)
	return p, err
}

// tagsOf returns the tags of message i: none if the mapping returns null or assigns
// nothing, since tags are optional.
func (m *mappedPoints) tagsOf(i int) (map[string]any, error) {
	value, err := m.mapped(fieldTags, m.tags, i)
	if err != nil || value == nil {
		return nil, err
	}
	tags, ok := value.(map[string]any)
	if !ok {
		return nil, mustBeObject(fieldTags, value)
	}
	for key, value := range tags {
		if text, ok := asText(value); ok && maybeNull(text) && m.madeOfNull(i, key, text) {
			return nil, fmt.Errorf("the tag %q is %q, which the mapping made of null: the message has no such key, or it is null. Without .string() or .format() the tag would be omitted; .or() sets a default", key, brief(text))
		}
	}
	if key, changed := m.tagOfNull(i, tags); changed {
		return nil, fmt.Errorf("the tag %q depends on text that the mapping made of null: the message has no such key, or it is null. Without .string(), .format() or .format_json() the tag would be omitted; .or() sets a default", brief(key))
	}
	return tags, nil
}

// tagOfNull returns a tag that changes with the text that the mapping makes of null.
func (m *mappedPoints) tagOfNull(i int, tags map[string]any) (string, bool) {
	if m.encoder.tagsOther == nil {
		return "", false
	}
	if m.other == nil {
		m.other = m.batch.BloblangExecutor(m.encoder.tagsOther)
	}
	value, err := m.mapped(fieldTags, m.other, i)
	other, ok := value.(map[string]any)
	if err != nil || !ok {
		return "", false
	}
	for key, value := range tags {
		if reflect.DeepEqual(value, other[key]) {
			continue
		}
		again, err := m.mapped(fieldTags, m.tags, i) // is the result different each time?
		same, ok := again.(map[string]any)
		if err == nil && ok && reflect.DeepEqual(value, same[key]) {
			return key, true
		}
	}
	return "", false
}

func (m *mappedPoints) madeOfNull(i int, key, text string) bool {
	if m.encoder.tagsTraced == nil {
		return false
	}
	if m.traced == nil {
		m.traced = m.batch.BloblangExecutor(m.encoder.tagsTraced)
	}
	value, err := m.mapped(fieldTags, m.traced, i)
	tags, ok := value.(map[string]any)
	if err != nil || !ok {
		return false
	}
	return traced(tags[key], text)
}

func mustBeObject(field string, value any) error {
	return fmt.Errorf("mapping %s: it must give an object, this is %s", field, valuetype.Of(value))
}

// mapped returns the result of a mapping for message i, nil if it assigns nothing.
// QueryValue would be shorter, but provides no `this`.
func (m *mappedPoints) mapped(field string, mapping *service.MessageBatchBloblangExecutor, i int) (any, error) {
	result, err := mapping.Query(i)
	switch {
	case err != nil:
		return nil, fmt.Errorf("mapping %s: %w", field, orNotJSON(m.batch[i], err))
	case result == nil:
		return nil, fmt.Errorf("mapping %s: it must not delete the message: filter before this output", field)
	case untouched(result, m.batch[i]):
		return nil, nil
	case !result.HasStructured(): // a string, or null
		text, err := result.AsBytes()
		if err != nil || string(text) == "null" {
			return nil, err
		}
		return text, nil
	}
	return result.AsStructured()
}

// untouched reports whether a mapping has assigned nothing, such as
// `root = if this.exists("tags") { this.tags }`. Its result is then the message itself,
// and would be stored as tags or fields. Assigned values are copies.
func untouched(result, message *service.Message) bool {
	if result.HasStructured() {
		if !message.HasStructured() {
			return false
		}
		one, err := result.AsStructured()
		other, err2 := message.AsStructured()
		if errors.Join(err, err2) != nil {
			return false
		}
		a, ok := one.(map[string]any)
		b, ok2 := other.(map[string]any)
		return ok && ok2 && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
	}
	one, err := result.AsBytes()
	other, err2 := message.AsBytes()
	return errors.Join(err, err2) == nil && len(one) == len(other) && unsafe.SliceData(one) == unsafe.SliceData(other)
}
