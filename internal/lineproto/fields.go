package lineproto

import (
	"bytes"
	"iter"
	"strconv"
	"strings"
)

// Type is the type of a field's value, named as in InfluxDB's responses.
type Type string

// The types of fields.
const (
	Float    Type = "float"
	Integer  Type = "integer"
	Unsigned Type = "unsigned"
	Boolean  Type = "boolean"
	String   Type = "string"
)

var (
	unescapeName  = strings.NewReplacer(`\,`, `,`, `\ `, ` `)
	unescapeField = strings.NewReplacer(`\,`, `,`, `\"`, `"`, `\ `, ` `, `\=`, `=`)
)

// Measurement returns the unescaped measurement of a line that NextLine has accepted.
func Measurement(line []byte) string {
	for i, c := range line {
		if (c == ',' || c == ' ') && (i == 0 || line[i-1] != '\\') {
			return unescapeName.Replace(string(line[:i]))
		}
	}
	return unescapeName.Replace(string(line))
}

// Fields returns the unescaped keys and the types of the fields of a line that NextLine
// has accepted.
func Fields(line []byte) iter.Seq2[string, Type] {
	return func(yield func(string, Type) bool) {
		i, err := scanKey(line, 0)
		if err != nil {
			return
		}
		for i = skipBlanks(line, i); i < len(line); {
			from := i
			for i < len(line) && line[i] != '=' {
				if line[i] == '\\' {
					i++
				}
				i++
			}
			if i >= len(line) {
				return
			}
			key := unescapeField.Replace(string(line[from:i]))
			i++
			from = i
			if i < len(line) && line[i] == '"' {
				if i = stringEnd(line, i+1); i < 0 {
					return
				}
			} else {
				for i < len(line) && line[i] != ',' && line[i] != ' ' && line[i] != '\r' {
					i++
				}
			}
			if i == from || !yield(key, typeOf(line[from:i])) || i >= len(line) || line[i] != ',' {
				return
			}
			i++
		}
	}
}

// typeOf returns the type of a value by its form.
func typeOf(value []byte) Type {
	switch first, last := value[0], value[len(value)-1]; {
	case first == '"':
		return String
	case first >= 'A' && first != 'I' && first != 'N' && first != 'i' && first != 'n': // t, T, f, F
		return Boolean
	case last == 'i':
		return Integer
	case last == 'u':
		return Unsigned
	}
	return Float
}

// Time returns the timestamp of a line that has one (Line.Stamp) and that NextLine has
// accepted, in nanoseconds since 1970.
func Time(line []byte) (ns int64, ok bool) {
	line = bytes.TrimRight(line, " \r")
	i := len(line)
	for i > 0 && (line[i-1] == '-' || line[i-1]-'0' <= 9) {
		i--
	}
	ns, err := strconv.ParseInt(string(line[i:]), 10, 64)
	return ns, err == nil
}
