package influxdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
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
			return p, fmt.Errorf("measurement must be a string, this is %s", kindOf(value))
		}
	}
	if value, found := object["tags"]; found {
		known++
		var ok bool
		if p.tags, ok = value.(map[string]any); !ok && value != nil {
			return p, fmt.Errorf("tags must be an object, this is %s", kindOf(value))
		}
	}
	if value, found := object["fields"]; found {
		known++
		var ok bool
		if p.fields, ok = value.(map[string]any); !ok {
			return p, fmt.Errorf("fields must be an object, this is %s", kindOf(value))
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

// unknown names a key that a point does not have, the first one in order.
func unknown(object map[string]any) error {
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch key {
		case "measurement", "tags", "fields", "timestamp":
		default:
			return fmt.Errorf("%q is none of measurement, tags, fields and timestamp: for other objects set the fields measurement, fields and timestamp of this output", key)
		}
	}
	return nil
}

// form is how points are written.
type form struct {
	replace  bool // replace what line protocol cannot carry
	unsigned bool // values of unsigned types as unsigned fields
}

// pointScratch holds what is needed to put one point after the other into
// line protocol.
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

// append appends p, its tags and fields sorted by key, so that the same point is
// always the same bytes. With an error dst is to be cut back.
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
		// The server joins series and field with four bytes and bounds the whole.
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

// of sorts m; the result holds until the next call. One point mostly has the keys
// of the one before it: looking them up takes less time than walking the map.
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

// tagText is the text of a tag's value, which may be a string, a number or a
// boolean.
func tagText(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	case bool:
		return strconv.FormatBool(v), nil
	case json.Number:
		return v.String(), nil
	}
	if i, u, ok := integer(value); ok {
		if u > math.MaxInt64 {
			return strconv.FormatUint(u, 10), nil
		}
		return strconv.FormatInt(i, 10), nil
	}
	if f, ok := float(value); ok {
		if err := lineproto.CheckFloat(f); err != nil {
			return "", err
		}
		return string(lineproto.AppendFloat(nil, f)), nil
	}
	return "", fmt.Errorf("must be a string, a number or a boolean, this is %s", kindOf(value))
}

// appendValue appends a field's value. An integer stays one, whatever its size.
// With asUnsigned, a value of one of Go's unsigned types, as Bloblang's .uint64()
// returns, is written as unsigned. Without, it is so only if it exceeds the largest
// signed integer.
func appendValue(dst []byte, value any, asUnsigned bool) ([]byte, error) {
	switch v := value.(type) {
	case string:
		return lineproto.AppendString(dst, v), lineproto.CheckString(v)
	case []byte:
		return lineproto.AppendString(dst, v), lineproto.CheckString(v)
	case bool:
		return lineproto.AppendBool(dst, v), nil
	case json.Number:
		parsed, err := parseNumber(v)
		if err != nil {
			return dst, err
		}
		value = parsed
	}
	if i, u, ok := integer(value); ok {
		switch {
		case u > math.MaxInt64:
			return lineproto.AppendUint(dst, u), nil
		case asUnsigned && isUnsigned(value):
			return lineproto.AppendUint(dst, uint64(i)), nil
		}
		return lineproto.AppendInt(dst, i), nil
	}
	if f, ok := float(value); ok {
		return lineproto.AppendFloat(dst, f), lineproto.CheckFloat(f)
	}
	return dst, fmt.Errorf("must be a string, a number or a boolean, this is %s", kindOf(value))
}

// parseNumber gives an int64, a uint64 or a float64: an integer for what is
// written as one.
func parseNumber(n json.Number) (any, error) {
	text := n.String()
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("is the number %s, which no float can hold", text)
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u, nil
	}
	return nil, fmt.Errorf("is the integer %s, which 64 bits cannot hold", text)
}

// integer gives i, or u where it is above the largest int64.
func integer(value any) (i int64, u uint64, ok bool) {
	switch v := value.(type) {
	case int64:
		return v, 0, true
	case int:
		return int64(v), 0, true
	case uint64:
		return int64(v), v, true
	case int32:
		return int64(v), 0, true
	case uint32:
		return int64(v), 0, true
	case int16:
		return int64(v), 0, true
	case uint16:
		return int64(v), 0, true
	case int8:
		return int64(v), 0, true
	case uint8:
		return int64(v), 0, true
	case uint:
		return int64(v), uint64(v), true
	}
	return 0, 0, false
}

func isUnsigned(value any) bool {
	switch value.(type) {
	case uint64, uint32, uint16, uint8, uint:
		return true
	}
	return false
}

func float(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case float32:
		return float64(v), true
	}
	return 0, false
}

// errTimestamp is what every error of nanoseconds is, but a missing one.
var errTimestamp = errors.New("the timestamp")

// nanoseconds reads a timestamp: an integer of nanoseconds since 1970, or a
// timestamp of Bloblang. A float is an error: it cannot hold today's
// nanoseconds, so it would be another time, and points would replace others.
func nanoseconds(value any) (int64, error) {
	switch v := value.(type) {
	case nil:
		return 0, errNoTime
	case time.Time:
		// UnixNano of a time outside its range is undefined.
		if v.Before(time.Unix(0, lineproto.MinTime)) || v.After(time.Unix(0, lineproto.MaxTime)) {
			return 0, fmt.Errorf("%w %w", errTimestamp, lineproto.ErrTimeOutside)
		}
		return v.UnixNano(), nil
	case json.Number:
		parsed, err := parseNumber(v)
		if err != nil {
			return 0, fmt.Errorf("%w %w", errTimestamp, err)
		}
		value = parsed
	}
	if i, u, ok := integer(value); ok {
		if u > math.MaxInt64 {
			return 0, fmt.Errorf("%w %w", errTimestamp, lineproto.ErrTimeOutside)
		}
		return i, nil
	}
	return 0, fmt.Errorf("%w must be an integer of nanoseconds or a Bloblang timestamp, this is %s", errTimestamp, kindOf(value))
}

// kindOf names the type of a value as its user knows it.
func kindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case string, []byte:
		return "a string"
	case bool:
		return "a boolean"
	case map[string]any:
		return "an object"
	case []any:
		return "an array"
	case time.Time:
		return "a timestamp"
	case json.Number:
		return "a number"
	}
	if _, _, ok := integer(value); ok {
		return "an integer"
	}
	if _, ok := float(value); ok {
		return "a float"
	}
	return fmt.Sprintf("a %T", value)
}
