package influxdb

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// point is one that is not line protocol yet.
type point struct {
	measurement string
	tags        map[string]any
	fields      map[string]any
	ns          int64
}

// pointOf reads {measurement, tags, fields, timestamp}; tags may be missing.
// Four look-ups take less time than walking the map.
func pointOf(object map[string]any) (p point, err error) {
	known := 0
	if value, found := object["measurement"]; found {
		known++
		var ok bool
		if p.measurement, ok = value.(string); !ok {
			return p, fmt.Errorf("measurement must be a string, this is %s", valuetype.Of(value))
		}
	}
	if value, found := object["tags"]; found {
		known++
		var ok bool
		if p.tags, ok = value.(map[string]any); !ok && value != nil {
			return p, fmt.Errorf("tags must be an object, this is %s", valuetype.Of(value))
		}
	}
	if value, found := object["fields"]; found {
		known++
		var ok bool
		if p.fields, ok = value.(map[string]any); !ok {
			return p, fmt.Errorf("fields must be an object, this is %s", valuetype.Of(value))
		}
	}
	timestamp, found := object["timestamp"]
	if found {
		known++
	}
	if known < len(object) {
		return p, unknown(object)
	}
	p.ns, err = nanoseconds(timestamp)
	return p, err
}

// unknown returns an error for the first key in order that a point does not have.
func unknown(object map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch key {
		case "measurement", "tags", "fields", "timestamp":
		default:
			return fmt.Errorf("%q is not one of measurement, tags, fields and timestamp: for other objects, set measurement, fields and timestamp of this output", key)
		}
	}
	return nil
}

// form is how points are written.
type form struct {
	replace  bool // replace what line protocol cannot carry
	unsigned bool // values of unsigned types as unsigned fields
}

// pointScratch holds buffers that are reused for consecutive points.
type pointScratch struct {
	form
	tags, fields sorted
}

// sorted is tags or fields by key.
type sorted []pair

type pair struct {
	key   string
	value any
}

// append appends p with tags and fields sorted by key, so that the same point always has
// the same bytes. After an error the caller must truncate dst.
func (s *pointScratch) append(dst []byte, p point) ([]byte, error) {
	start := len(dst)
	dst, err := s.appendStrictly(dst, p)
	if err == nil || !s.replace {
		return dst, err
	}
	instead, failure := p.replaced()
	if failure != nil {
		return dst, failure
	}
	return s.appendStrictly(dst[:start], instead)
}

func (s *pointScratch) appendStrictly(dst []byte, p point) ([]byte, error) {
	start := len(dst)
	if err := lineproto.CheckMeasurement(p.measurement); err != nil {
		return dst, fmt.Errorf("the measurement %w", err)
	}
	dst = lineproto.AppendMeasurement(dst, p.measurement)
	for _, pair := range s.tags.of(p.tags) {
		key, value := pair.key, pair.value
		if value == nil {
			continue
		}
		if err := lineproto.CheckKey(key); err != nil {
			return dst, fmt.Errorf("the key of tag %q %w", key, err)
		}
		text, err := tagText(value)
		if err == nil {
			err = lineproto.CheckTagValue(text)
		}
		if err != nil {
			return dst, fmt.Errorf("the tag %q %w", key, err)
		}
		dst = lineproto.AppendTag(dst, key, text)
	}
	seriesLen := len(dst) - start
	separator := byte(' ')
	for _, pair := range s.fields.of(p.fields) {
		key, value := pair.key, pair.value
		if value == nil {
			continue
		}
		if err := lineproto.CheckKey(key); err != nil {
			return dst, fmt.Errorf("the key of field %q %w", key, err)
		}
		dst = append(dst, separator)
		keyStart := len(dst)
		dst = lineproto.AppendFieldKey(dst, key)
		// The server joins series and field with four bytes and limits the total.
		if seriesLen+4+len(dst)-1-keyStart > lineproto.MaxKeyLen {
			return dst, fmt.Errorf("the key of measurement, tags and field %q %w", key, lineproto.ErrTooLong)
		}
		var err error
		if dst, err = appendValue(dst, value, s.unsigned); err != nil {
			return dst, fmt.Errorf("the field %q %w", key, err)
		}
		separator = ','
	}
	if separator == ' ' {
		return dst, errors.New("the point has no fields")
	}
	if err := lineproto.CheckTime(p.ns); err != nil {
		return dst, fmt.Errorf("the timestamp %w", err)
	}
	dst = append(dst, ' ')
	return strconv.AppendInt(dst, p.ns, 10), nil
}

// of returns m sorted by key; the result is valid until the next call. A point usually has
// the keys of the previous one, and look-ups are faster than iterating over the map.
func (s *sorted) of(m map[string]any) []pair {
	if s.refill(m) {
		return *s
	}
	*s = (*s)[:0]
	for key, value := range m {
		*s = append(*s, pair{key, value})
	}
	slices.SortFunc(*s, func(a, b pair) int { return strings.Compare(a.key, b.key) })
	return *s
}

// refill takes the values of m, if it has the keys of s.
func (s sorted) refill(m map[string]any) (same bool) {
	if len(s) != len(m) {
		return false
	}
	for i := range s {
		if s[i].value, same = m[s[i].key]; !same {
			return false
		}
	}
	return true
}
