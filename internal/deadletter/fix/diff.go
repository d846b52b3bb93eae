package fix

import (
	"bytes"
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Bounds of the bytes that a line of a difference shows.
const (
	shownBefore = 40 // before the first byte that differs
	shownBytes  = 200
	maxLines    = 40
)

// Diff returns the lines that show what changed: the old with a minus, the new with a
// plus. It returns none if nothing did.
func Diff(old, fixed deadletter.Record) (lines []string) {
	change := func(name string, a, b []byte) {
		if !same(a, b) {
			was, is := apart(a, b)
			lines = append(lines, fmt.Sprintf("- %s: %s", name, was), fmt.Sprintf("+ %s: %s", name, is))
		}
	}
	change("value", old.Value, fixed.Value)
	change("key", old.Key, fixed.Key)
	left := fixed.Headers
	for _, h := range old.Headers {
		name := "header " + deadletter.Printable(h.Name, shownBytes)
		switch at := position(left, h.Name); {
		case at < 0:
			lines = append(lines, "- "+name+": "+part(h.Value, 0))
		default:
			change(name, h.Value, left[at].Value)
			left = append(append([]deadletter.Header{}, left[:at]...), left[at+1:]...)
		}
	}
	for _, h := range left {
		lines = append(lines, "+ header "+deadletter.Printable(h.Name, shownBytes)+": "+part(h.Value, 0))
	}
	if len(lines) > maxLines {
		lines = append(lines[:maxLines:maxLines], fmt.Sprintf("… %d more lines", len(lines)-maxLines))
	}
	return lines
}

func position(headers []deadletter.Header, name string) int {
	for i := range headers {
		if headers[i].Name == name {
			return i
		}
	}
	return -1
}

// apart shows two values from shortly before the first byte that differs.
func apart(a, b []byte) (was, is string) {
	first := 0
	for first < len(a) && first < len(b) && a[first] == b[first] {
		first++
	}
	from := first - shownBefore
	if from < 0 || len(a) <= shownBytes && len(b) <= shownBytes {
		from = 0
	}
	return part(a, from), part(b, from)
}

func part(b []byte, from int) string {
	switch {
	case b == nil:
		return "null"
	case len(b) == 0:
		return "(empty)"
	case from == 0:
		return deadletter.Printable(string(b), shownBytes)
	}
	return "…" + deadletter.Printable(string(bytes.ToValidUTF8(b[min(from, len(b)):], nil)), shownBytes)
}
