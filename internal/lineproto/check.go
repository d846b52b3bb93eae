package lineproto

import (
	"errors"
	"math"
	"strings"
)

// The largest things that InfluxDB stores.
const (
	// MaxKeyLen is the limit in bytes of measurement, tags and one field key,
	// as escaped, plus a separator of 4 bytes (models.MaxKeyLength).
	MaxKeyLen = 65535
	// MaxStringLen is the limit in bytes of a string field's value in
	// InfluxDB 2.7 (tsdb.MaxFieldValueLength, 1 MiB; the 64 KB of older
	// documents are not what the server checks). 1.8 has no such limit.
	MaxStringLen = 1 << 20
	// MinTime and MaxTime bound a timestamp in nanoseconds since 1970
	// (models.MinNanoTime, models.MaxNanoTime): 1677-09-21 to 2262-04-11.
	MinTime = math.MinInt64 + 2
	MaxTime = math.MaxInt64 - 1
)

// Why a value cannot be carried. The Check functions return one of these as it
// is; wrap it with the name of the tag or field.
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

// CheckMeasurement says whether InfluxDB can carry s as a measurement.
//
// A backslash must not stand before a comma, a space, an equals sign or a
// quote: the server makes another name of it, or unescapes it in the name and
// not in the series key, so that the point is stored where no query finds it.
func CheckMeasurement[T Text](s T) error {
	v := view(s)
	if err := checkToken(v, ` ,="`); err != nil {
		return err
	}
	if v[0] == '#' || v[0] == '\t' || v[0] == 0 {
		return ErrLeading
	}
	if strings.HasPrefix(v, Mark) {
		return ErrMark // and NextLine would not give it back
	}
	return nil
}

// CheckKey says whether InfluxDB can carry s as the key of a tag or a field.
//
// `time` as a field is the worst of the reserved names: both servers drop the
// field, keep the rest of the point, and answer 204. `_field`, `_measurement`,
// 0x00 and 0xff are refused by InfluxDB 2 as tags.
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

// CheckTagValue says whether InfluxDB can carry s as the value of a tag. An
// empty one is an error: leave the tag away instead, if that is what is meant.
func CheckTagValue[T Text](s T) error {
	return checkToken(view(s), " ")
}

// checkToken is what holds for measurements, keys and tag values alike. before
// lists the characters that must not follow a backslash.
//
// A backslash is no escape character for itself in these places, so nothing can
// be done for one that comes to stand before a character with a meaning. Of a
// backslash and a space InfluxDB's parser makes two things at once: the part of
// it that looks for the end of the line thinks that the fields begin there,
// counts what follows as theirs, and may then take a newline inside a string for
// the end of the line, or run over the end.
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
		return nil // as nearly all
	}
	for i, c := range []byte(s) {
		if c == '\\' && (i == len(s)-1 || strings.IndexByte(before, s[i+1]) >= 0) {
			return ErrBackslash
		}
	}
	return nil
}

// CheckString says whether InfluxDB can store s as a string field's value.
func CheckString[T Text](s T) error {
	if len(s) > MaxStringLen {
		return ErrTooLong
	}
	return nil
}

// CheckFloat says whether InfluxDB can store v: it must be finite.
func CheckFloat(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return ErrNotFinite
	}
	return nil
}

// CheckTime says whether InfluxDB can store a point at ns nanoseconds since 1970.
func CheckTime(ns int64) error {
	if ns < MinTime || ns > MaxTime {
		return ErrTimeOutside
	}
	return nil
}
