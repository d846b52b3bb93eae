package influxdb

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// tagText returns the text of a tag's value, which may be a string, a number or a
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
	return "", fmt.Errorf("must be a string, a number or a boolean, this is %s", valuetype.Of(value))
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
	return dst, fmt.Errorf("must be a string, a number or a boolean, this is %s", valuetype.Of(value))
}

// parseNumber returns an int64, a uint64 or a float64; a number without a point and an
// exponent is an integer.
func parseNumber(n json.Number) (any, error) {
	text := n.String()
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("is the number %s, which exceeds a float", text)
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	if u, err := strconv.ParseUint(text, 10, 64); err == nil {
		return u, nil
	}
	return nil, fmt.Errorf("is the integer %s, which exceeds 64 bits", text)
}

// integer returns i, or u if the value is above the largest int64.
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

// errTimestamp is wrapped by all errors of nanoseconds except that of a missing one.
var errTimestamp = errors.New("the timestamp")

// nanoseconds reads a timestamp: an integer of nanoseconds since 1970, or a Bloblang
// timestamp. A float is an error: it cannot hold today's nanoseconds, so it would be
// another time, and points would replace others.
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
	return 0, fmt.Errorf("%w must be an integer of nanoseconds or a Bloblang timestamp, this is %s", errTimestamp, valuetype.Of(value))
}
