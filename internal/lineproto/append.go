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

// Text is the input of the encoders: a string or bytes, without a copy.
type Text interface{ ~string | ~[]byte }

// view returns s as a string without copying it. A slice header begins with the two
// words of a string header, so this works for both kinds of Text. The view must not
// outlive the call that created it, since the bytes may change.
func view[T Text](s T) string { return *(*string)(unsafe.Pointer(&s)) }

// AppendMeasurement appends a measurement, with commas and spaces escaped.
func AppendMeasurement[T Text](dst []byte, s T) []byte {
	return appendToken(dst, view(s), inMeasurement)
}

// AppendTag appends `,key=value`, with commas, spaces and equals signs escaped.
// InfluxDB sorts the tags of a point that are not in order, so append them sorted by
// key.
func AppendTag[K, V Text](dst []byte, key K, value V) []byte {
	dst = append(dst, ',')
	dst = appendToken(dst, view(key), inKey)
	dst = append(dst, '=')
	return appendToken(dst, view(value), inKey)
}

// AppendFieldKey appends a field's key and the equals sign. The caller appends the
// space before the first field and the commas between fields.
func AppendFieldKey[T Text](dst []byte, s T) []byte {
	return append(appendToken(dst, view(s), inKey), '=')
}

// AppendString appends a string field's value: quoted, with quotes and backslashes
// escaped. Newlines are not escaped.
func AppendString[T Text](dst []byte, s T) []byte {
	v := view(s)
	dst = append(dst, '"')
	// Two vectorised searches are faster than a loop over the bytes, and nearly all
	// text has neither character.
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

// AppendUint appends an unsigned field's value, such as `12u`. InfluxDB 2 accepts it; a
// stock InfluxDB 1.8 responds 400.
func AppendUint(dst []byte, v uint64) []byte {
	return append(strconv.AppendUint(dst, v, 10), 'u')
}

// AppendFloat appends a float field's value in the fewest digits that parse to v. v
// must be finite (CheckFloat).
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

// place is the position of a text in a line, as a bit of escapes.
type place uint8

const (
	inMeasurement place = 1 << iota
	inKey               // tag key, tag value, field key
	inString
)

// escapes has for each byte the places where it needs a backslash.
var escapes = [256]place{
	',':  inMeasurement | inKey,
	' ':  inMeasurement | inKey,
	'=':  inKey,
	'"':  inString,
	'\\': inString,
}

// appendToken is appendEscaped, faster for the many names and tags with nothing to
// escape.
func appendToken(dst []byte, s string, at place) []byte {
	if plain(s) {
		return append(dst, s...)
	}
	return appendEscaped(dst, s, at)
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

// plain reports whether s has no comma, space or equals sign. It checks eight bytes at
// a time: names and tags are short, so a loop over the bytes would be half of a point's
// cost. The last load overlaps the one before it.
func plain(s string) bool {
	n := len(s)
	if n < 8 {
		for i := range n {
			if escapes[s[i]]&inKey != 0 {
				return false
			}
		}
		return true
	}
	for i := 0; i < n-8; i += 8 {
		if special(load64(s, i)) != 0 {
			return false
		}
	}
	return special(load64(s, n-8)) == 0
}

// load64 reads s[i:i+8] as one little-endian word. The compiler generates a single
// load.
func load64(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// The lowest and the highest bit of each byte of a word.
const (
	low  = 0x0101010101010101
	high = 0x8080808080808080
)

// special is not 0 if a byte of the word is a comma, a space or an equals sign. x-low
// borrows out of a byte only if it is 0, that is, where the pattern matched.
func special(word uint64) uint64 {
	const (
		comma  = ',' * low
		space  = ' ' * low
		equals = '=' * low
	)
	c, s, e := word^comma, word^space, word^equals
	return ((c-low)&^c | (s-low)&^s | (e-low)&^e) & high
}
