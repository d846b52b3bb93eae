package lineproto

import (
	"errors"
	"math"
	"strings"
)

// The largest values that InfluxDB stores.
const (
	// MaxKeyLen is the limit in bytes of the measurement, the tags and one field key,
	// escaped, plus a separator of 4 bytes (models.MaxKeyLength).
	MaxKeyLen = 65535
	// MaxStringLen is the limit in bytes of a string field's value in InfluxDB 2.7
	// (tsdb.MaxFieldValueLength, 1 MiB; the server does not check the 64 KB in older
	// documentation). 1.8 has no such limit.
	MaxStringLen = 1 << 20
	// MinTime and MaxTime bound a timestamp in nanoseconds since 1970
	// (models.MinNanoTime, models.MaxNanoTime): 1677-09-21 to 2262-04-11.
	MinTime = math.MinInt64 + 2
	MaxTime = math.MaxInt64 - 1
)

// Reasons why a value cannot be carried. The Check functions return them unwrapped;
// wrap them with the name of the tag or field.
var (
	ErrEmpty       = errors.New("must not be empty")
	ErrTooLong     = errors.New("is longer than InfluxDB takes")
	ErrNewline     = errors.New("holds a newline, which ends the line")
	ErrBackslash   = errors.New("ends in a backslash, or has one before a space or another character that gets a meaning by it")
	ErrLeading     = errors.New("begins with a character that InfluxDB skips there (tab, NUL, or # for a measurement)")
	ErrMark        = errors.New("begins with a byte order mark, so it only looks like the name without")
	ErrReserved    = errors.New("is a name that InfluxDB keeps for itself")
	ErrNotFinite   = errors.New("is NaN or infinite, which InfluxDB cannot store")
	ErrTimeOutside = errors.New("is outside the years 1677 to 2262 that InfluxDB can store")
)

// CheckMeasurement returns an error if InfluxDB cannot carry s as a measurement.
//
// A backslash must not be before a comma, a space, an equals sign or a quote: the
// server reads another name, or unescapes it in the name but not in the series key, and
// stores the point where no query finds it.
func CheckMeasurement[T Text](s T) error {
	v := view(s)
	if err := checkToken(v, ` ,="`); err != nil {
		return err
	}
	if v[0] == '#' || v[0] == '\t' || v[0] == 0 {
		return ErrLeading
	}
	if strings.HasPrefix(v, Mark) {
		return ErrMark // NextLine would not return it
	}
	return nil
}

// CheckKey returns an error if InfluxDB cannot carry s as the key of a tag or a field.
//
// `time` as a field is the worst of the reserved names: both servers drop the field,
// keep the rest of the point, and respond 204. InfluxDB 2 rejects `_field`,
// `_measurement`, 0x00 and 0xff as tags.
func CheckKey[T Text](s T) error {
	v := view(s)
	if err := checkToken(v, ` ,="`); err != nil {
		return err
	}
	switch v {
	case "time", "_field", "_measurement", "\x00", "\xff":
		return ErrReserved
	}
	if v[0] == '\t' || v[0] == 0 {
		return ErrLeading
	}
	if strings.HasPrefix(v, Mark) {
		return ErrMark
	}
	return nil
}

// CheckTagValue returns an error if InfluxDB cannot carry s as the value of a tag. An
// empty value is an error: leave the tag out if that is intended.
func CheckTagValue[T Text](s T) error {
	return checkToken(view(s), " ")
}

// checkToken checks the rules for measurements, keys and tag values. before lists the
// characters that must not follow a backslash.
//
// A backslash cannot be escaped in these places, so a backslash before a special
// character cannot be represented. InfluxDB's parser reads a backslash and a space in
// two ways: the code that looks for the end of the line assumes that the fields begin
// there, so it can read a newline inside a string as the end of the line, or run past
// the end.
func checkToken(s, before string) error {
	switch {
	case s == "":
		return ErrEmpty
	case len(s) > MaxKeyLen:
		return ErrTooLong
	case strings.IndexByte(s, '\n') >= 0:
		return ErrNewline
	}
	if strings.IndexByte(s, '\\') < 0 {
		return nil // the most frequent case
	}
	for i, c := range []byte(s) {
		if c == '\\' && (i == len(s)-1 || strings.IndexByte(before, s[i+1]) >= 0) {
			return ErrBackslash
		}
	}
	return nil
}

// CheckString returns an error if InfluxDB cannot store s as a string field's value.
func CheckString[T Text](s T) error {
	if len(s) > MaxStringLen {
		return ErrTooLong
	}
	return nil
}

// CheckFloat returns an error if InfluxDB cannot store v: it must be finite.
func CheckFloat(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ErrNotFinite
	}
	return nil
}

// CheckTime returns an error if InfluxDB cannot store a point at ns nanoseconds since
// 1970.
func CheckTime(ns int64) error {
	if ns < MinTime || ns > MaxTime {
		return ErrTimeOutside
	}
	return nil
}
