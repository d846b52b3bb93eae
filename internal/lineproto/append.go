// Package lineproto writes and splits InfluxDB line protocol.
//
// The Append functions add the parts of a point to a []byte, escaped for the
// place where they stand, and allocate nothing:
//
//	b = lineproto.AppendMeasurement(b, "tweets")
//	b = lineproto.AppendTag(b, "brand", brand) // tags sorted by key
//	b = append(b, ' ')
//	b = lineproto.AppendFieldKey(b, "text")
//	b = lineproto.AppendString(b, text)
//	b = append(b, ',')
//	b = lineproto.AppendFieldKey(b, "count")
//	b = lineproto.AppendInt(b, 1)
//	b = append(b, ' ')
//	b = strconv.AppendInt(b, nanoseconds, 10)
//	b = append(b, '\n')
//
// They do not look whether a value can be carried at all: that is what the
// Check functions say, and whoever takes names and values from outside asks
// them first.
//
// What is escaped, what cannot be carried and where a line ends was read in
// models/points.go of InfluxDB 1.8.10 and 2.7.12, and is fuzzed against it.
package lineproto

import (
	"strconv"
	"strings"
	"unsafe"
)

// Text is what the encoders take: strings and bytes alike, without a copy.
type Text interface{ ~string | ~[]byte }

// view looks at s as a string without copying it. A slice header begins with
// the two words of a string header, so it holds for both kinds of Text. The
// view must not outlive the call that made it: the bytes may change.
func view[T Text](s T) string { return *(*string)(unsafe.Pointer(&s)) }

// AppendMeasurement appends a measurement, with commas and spaces escaped.
func AppendMeasurement[T Text](dst []byte, s T) []byte {
	return appendEscaped(dst, view(s), inMeasurement)
}

// AppendTag appends `,key=value`, with commas, spaces and equals signs
// escaped. InfluxDB sorts the tags of a point that are not in order: append
// them sorted by key.
func AppendTag[K, V Text](dst []byte, key K, value V) []byte {
	dst = append(dst, ',')
	dst = appendEscaped(dst, view(key), inKey)
	dst = append(dst, '=')
	return appendEscaped(dst, view(value), inKey)
}

// AppendFieldKey appends a field's key and the equals sign. The space before
// the first field and the commas between fields are the caller's.
func AppendFieldKey[T Text](dst []byte, s T) []byte {
	return append(appendEscaped(dst, view(s), inKey), '=')
}

// AppendString appends a string field's value: quoted, with quotes and
// backslashes escaped. Newlines stand as they are.
func AppendString[T Text](dst []byte, s T) []byte {
	v := view(s)
	dst = append(dst, '"')
	// Two vectorised searches beat a loop over the bytes, and nearly all text
	// has neither.
	if strings.IndexByte(v, '"') < 0 && strings.IndexByte(v, '\\') < 0 {
		dst = append(dst, v...)
	} else {
		dst = appendEscaped(dst, v, inString)
	}
	return append(dst, '"')
}

// AppendInt appends an integer field's value, such as `12i`.
func AppendInt(dst []byte, v int64) []byte {
	return append(strconv.AppendInt(dst, v, 10), 'i')
}

// AppendUint appends an unsigned field's value, such as `12u`. InfluxDB 2
// takes it; a stock InfluxDB 1.8 does not and answers 400.
func AppendUint(dst []byte, v uint64) []byte {
	return append(strconv.AppendUint(dst, v, 10), 'u')
}

// AppendFloat appends a float field's value in the fewest digits that give v
// again. v must be finite (CheckFloat).
func AppendFloat(dst []byte, v float64) []byte {
	format := byte('f')
	if abs := max(v, -v); abs != 0 && (abs < 1e-6 || abs >= 1e21) {
		format = 'e'
	}
	return strconv.AppendFloat(dst, v, format, -1, 64)
}

// AppendBool appends a boolean field's value.
func AppendBool(dst []byte, v bool) []byte {
	return strconv.AppendBool(dst, v)
}

// place is where a text stands in a line, as a bit of escapes.
type place uint8

const (
	inMeasurement place = 1 << iota
	inKey               // tag key, tag value, field key
	inString
)

// escapes says for each byte the places where it needs a backslash.
var escapes = [256]place{
	',':  inMeasurement | inKey,
	' ':  inMeasurement | inKey,
	'=':  inKey,
	'"':  inString,
	'\\': inString,
}

func appendEscaped(dst []byte, s string, at place) []byte {
	clean := 0
	for i := range len(s) {
		if escapes[s[i]]&at != 0 {
			dst = append(dst, s[clean:i]...)
			dst = append(dst, '\\')
			clean = i
		}
	}
	return append(dst, s[clean:]...)
}
