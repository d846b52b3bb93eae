package lineproto

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/bits"
	"strconv"
)

// delims are the bytes at which scanKey stops in a name or a tag.
var delims = [256]bool{',': true, ' ': true, '=': true, '\\': true, '\n': true}

// candidates marks the bytes among the first eight of b that may be delims, by the high
// bit of each byte: all bytes below '@', which are not letters, and the backslash. It
// also marks a few others, and all bytes if b is shorter.
func candidates(b []byte) uint64 {
	if len(b) < 8 {
		return high >> (64 - 8*len(b))
	}
	word := binary.LittleEndian.Uint64(b)
	backslash := word ^ '\\'*low
	return (^(word | word<<1) | (backslash-low)&^backslash) & high
}

// scanPoint reads one point at b[start:], which does not begin with a blank, and
// returns its end: the position of its newline, or len(b). After an error the end is
// undefined.
func scanPoint(b []byte, start int) (end int, stamp []byte, err error) {
	i, err := scanKey(b, start)
	if err != nil {
		return 0, nil, err
	}
	i, err = scanFields(b, skipBlanks(b, i))
	if err != nil {
		return 0, nil, err
	}
	return scanTime(b, i)
}

// scanKey reads the measurement and the tags and returns the position of the space
// after them.
func scanKey(b []byte, i int) (int, error) {
	var (
		from    = i // start of the measurement, the tag key or the tag value
		missing = ErrMeasurement
		key     = false // in a tag key
		value   = false // in a tag value
	)
	for word := i; word < len(b); word += 8 {
		for marks := candidates(b[word:]); marks != 0; marks &= marks - 1 {
			i = word + bits.TrailingZeros64(marks)/8
			c := b[i]
			if !delims[c] {
				continue
			}
			// In this part of a line a character is escaped if the character before it
			// is a backslash, whatever precedes that.
			escaped := i > from && b[i-1] == '\\'
			switch c {
			case '\n':
				if escaped {
					return i, ErrNewline
				}
				return i, missing
			case '\\':
				// A backslash at the end of a line escapes the newline.
				if i+1 == len(b) || missing == ErrMeasurement && (b[i+1] == '=' || b[i+1] == '"') {
					return i, ErrBackslash // see CheckMeasurement
				}
			case ' ':
				if escaped {
					if n := backslashes(b[from:i]); n%2 == 0 || n > 1 && missing == ErrMeasurement {
						return i, ErrBackslash // see checkToken, CheckMeasurement
					}
					continue
				}
				if i == from || key {
					return i, missing
				}
				return i, nil
			case ',':
				if escaped {
					if missing == ErrMeasurement && backslashes(b[from:i]) > 1 {
						return i, ErrBackslash // see CheckMeasurement
					}
					continue
				}
				if i == from || key {
					return i, missing
				}
				from, key, value, missing = i+1, true, false, ErrTag
			case '=':
				switch {
				case escaped:
				case key && i > from:
					from, key, value = i+1, false, true
				case key || value:
					return i, ErrTag
				}
			}
		}
	}
	return len(b), missing
}

// hidden reports whether a line that is not a point has an escaped space or comma, and
// then an equals sign, in its measurement or the value of a tag, as in `drive=C:\ v=1`.
// The backslash was probably meant as the last character, not to escape the next one.
func hidden(line []byte) bool {
	escaped, value := false, true // the measurement has no key before it
	for i := 1; i < len(line); i++ {
		escape := line[i-1] == '\\'
		switch c := line[i]; {
		case escape && (c == ' ' || c == ','):
			escaped = true
		case escape:
		case c == ' ':
			return false // the fields
		case c == ',':
			escaped, value = false, false
		case c == '=' && !value:
			escaped, value = false, true
		case c == '=' && escaped:
			return true
		}
	}
	return false
}

// backslashes returns the number of backslashes at the end of b.
func backslashes(b []byte) int {
	n := 0
	for n < len(b) && b[len(b)-1-n] == '\\' {
		n++
	}
	return n
}

// scanFields reads the fields and returns the position of the space, newline or end
// after them.
func scanFields(b []byte, i int) (int, error) {
	var seen fieldKeys
	for {
		from := i
		for i < len(b) && b[i] != '=' {
			switch b[i] {
			case '\\':
				// Here, unlike in a tag, a backslash escapes the next character,
				// including a second backslash.
				if i+1 >= len(b) {
					return i, ErrBackslash
				}
				if b[i+1] == '\n' {
					return i, ErrNewline
				}
				if b[i+1] == '"' {
					seen.quote = true
				}
				i++
			case ' ', ',', '\n':
				return i, ErrField
			}
			i++
		}
		if i >= len(b) || i == from {
			return i, ErrField
		}
		if string(b[from:i]) == "time" {
			return i, ErrTimeField // see CheckKey
		}
		if seen.add(b, from, i) {
			return i, ErrFieldTwice
		}
		i++ // the equals sign
		if i < len(b) && b[i] == '"' {
			if i = stringEnd(b, i+1); i < 0 {
				return i, ErrQuote
			}
			if i < len(b) && b[i] != ',' && b[i] != ' ' && b[i] != '\n' && b[i] != '\r' {
				return i, ErrQuote
			}
		} else {
			from = i
			for i < len(b) && b[i] != ',' && b[i] != ' ' && b[i] != '\n' && b[i] != '\r' {
				if b[i] == '\\' || b[i] == '"' || b[i] == '=' {
					return i, ErrField
				}
				i++
			}
			if i == from {
				return i, ErrField
			}
		}
		if i >= len(b) || b[i] != ',' {
			if seen.unsure() && twice(b[seen.at[0].from:i]) {
				return i, ErrFieldTwice
			}
			return i, nil
		}
		i++ // the comma
	}
}

// stringEnd returns the position after the quote that ends the string at b[i:], or -1.
func stringEnd(b []byte, i int) int {
	from := i
	for {
		q := bytes.IndexByte(b[i:], '"')
		if q < 0 {
			return -1
		}
		i += q + 1
		if backslashes(b[from:i-1])%2 == 0 {
			return i
		}
	}
}

// scanTime reads the optional timestamp and blanks after the fields, and returns the
// end of the line.
func scanTime(b []byte, i int) (end int, stamp []byte, err error) {
	if i < len(b) && b[i] == ' ' {
		i = skipBlanks(b, i)
	}
	if from := i; i < len(b) && (b[i] == '-' || b[i]-'0' <= 9) {
		if b[i] == '-' {
			i++
		}
		for i < len(b) && b[i]-'0' <= 9 {
			i++
		}
		stamp = b[from:i]
		if err := checkTimestamp(stamp); err != nil {
			return i, nil, err
		}
		for i < len(b) && b[i] == ' ' {
			i++
		}
	}
	if i+1 < len(b) && b[i] == '\r' && b[i+1] == '\n' || i+1 == len(b) && b[i] == '\r' {
		i++
	}
	if i < len(b) && b[i] != '\n' {
		return i, nil, ErrTimestamp
	}
	return i, stamp, nil
}

// checkTimestamp checks digits, which may have a sign. For nearly all timestamps it is
// enough to compare their length and their text.
func checkTimestamp(digits []byte) error {
	const last = "9223372036854775806" // MaxTime
	if digits[0] != '-' && (len(digits) < len(last) || len(digits) == len(last) && view(digits) <= last) {
		return nil
	}
	ns, err := strconv.ParseInt(view(digits), 10, 64)
	if errors.Is(err, strconv.ErrRange) {
		return ErrTimeOutside
	}
	if err != nil {
		return ErrTimestamp
	}
	return CheckTime(ns)
}
