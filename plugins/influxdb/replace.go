package influxdb

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

// maxReplacedTag is the length in bytes to which a tag, key or measurement is truncated
// that InfluxDB would reject. Four of them fit into a series key.
const maxReplacedTag = 16_000

// replaced returns the nearest point that line protocol can carry. It is deterministic. The
// result may still be invalid for other reasons.
//
//   - a newline becomes a space;
//   - a backslash at the end of a name or tag, or before a character that it would
//     escape, becomes a slash;
//   - a byte order mark before a name is removed;
//   - a name that begins with a tab, NUL or, for a measurement, # begins with _;
//   - a reserved name gets the suffix _;
//   - an empty tag and a field that is NaN or infinite are omitted;
//   - text that is too long is truncated, between characters.
func (p point) replaced() (point, error) {
	r := point{measurement: replacedName(p.measurement, lineproto.CheckMeasurement[string]), ns: p.ns}
	r.tags = make(map[string]any, len(p.tags))
	for key, value := range p.tags {
		text, err := tagText(value)
		if value == nil || err == nil && text == "" || notFinite(value) {
			continue
		}
		if err != nil {
			return p, fmt.Errorf("the tag %q %w", key, err)
		}
		key = replacedName(key, lineproto.CheckKey[string])
		if _, taken := r.tags[key]; taken {
			return p, fmt.Errorf("two tags become %q", key)
		}
		r.tags[key] = replacedToken(text, lineproto.CheckTagValue[string])
	}
	r.fields = make(map[string]any, len(p.fields))
	for key, value := range p.fields {
		if value == nil || notFinite(value) {
			continue
		}
		key = replacedName(key, lineproto.CheckKey[string])
		if _, taken := r.fields[key]; taken {
			return p, fmt.Errorf("two fields become %q", key)
		}
		switch v := value.(type) {
		case string:
			value = letter.Cut(v, lineproto.MaxStringLen)
		case []byte:
			value = letter.Cut(string(v), lineproto.MaxStringLen)
		}
		r.fields[key] = value
	}
	return r, nil
}

func notFinite(value any) bool {
	f, ok := float(value)
	return ok && (math.IsNaN(f) || math.IsInf(f, 0))
}

// replacedName is replacedToken for a measurement or a key.
func replacedName(s string, check func(string) error) string {
	for strings.HasPrefix(s, lineproto.Mark) {
		s = s[len(lineproto.Mark):]
	}
	s = replacedToken(s, check)
	switch err := check(s); {
	case errors.Is(err, lineproto.ErrLeading):
		s = "_" + s[1:]
	case errors.Is(err, lineproto.ErrReserved) && len(s) == 1: // a single byte that is not a character
		s = "_"
	case errors.Is(err, lineproto.ErrReserved):
		s += "_"
	}
	return s
}

// replacedToken replaces newlines and backslashes in s, and truncates it.
func replacedToken(s string, check func(string) error) string {
	if len(s) > lineproto.MaxKeyLen {
		s = letter.Cut(s, maxReplacedTag)
	}
	if check(s) == nil {
		return s
	}
	s = strings.ReplaceAll(s, "\n", " ")
	// From the end, since the following character decides about a backslash.
	b := []byte(s)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] == '\\' && errors.Is(check("x"+string(b[i:min(i+2, len(b))])), lineproto.ErrBackslash) {
			b[i] = '/'
		}
	}
	return string(b)
}
