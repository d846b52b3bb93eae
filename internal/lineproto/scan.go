package lineproto

import (
	"bytes"
	"errors"
)

// Reasons why a line is not a point, besides the errors of the Check functions.
var (
	ErrMeasurement = errors.New("has no measurement, or nothing after it")
	ErrTag         = errors.New("has a tag without key or value")
	ErrField       = errors.New("has no fields, or one without key or value")
	ErrQuote       = errors.New("has a quoted string that does not end where its field does")
	ErrTimestamp   = errors.New("has a timestamp that is not an integer of nanoseconds")
	ErrTimeField   = errors.New("has a field named time, which InfluxDB drops without an error. Rename it")
	ErrFieldTwice  = errors.New("has the same field twice, of which InfluxDB keeps one")
)

// Mark is the byte order mark that some programs write at the start of a UTF-8 file.
// InfluxDB reads it as part of the following name, which creates a second measurement
// that looks the same.
const Mark = "\uFEFF"

// Line is one line of a message, as returned by NextLine.
type Line struct {
	// Bytes aliases the message. It does not include the newline, a carriage return
	// before it, leading blanks and byte order marks. It is empty only at the end of
	// the message.
	Bytes []byte
	// Stamp is the digits of the timestamp, with their sign; empty if there is none.
	Stamp []byte
	// Err is the reason why the line is rejected, nil for a plausible point. A
	// plausible line ends at the same place whatever follows it, so it cannot affect
	// its neighbours in a request. The server checks whether its numbers are valid and
	// its tags differ.
	Err error
}

// Timed reports whether the line ends in a timestamp. Otherwise the server uses the
// time of arrival, so a resend creates a second point.
func (l Line) Timed() bool { return len(l.Stamp) > 0 }

// NextLine splits the first line off a message of line protocol. It skips blank lines,
// comments, and byte order marks before a line: joined files have one in the middle. It
// agrees with InfluxDB about where a line ends: not at a newline inside a quoted
// string, and not at one after a backslash. At the end of the message, Bytes is empty.
func NextLine(msg []byte) (line Line, rest []byte) {
	for len(msg) > 0 {
		start := skipBlanks(msg, 0)
		if start == len(msg) {
			break
		}
		switch msg[start] {
		case '\n':
			msg = msg[start+1:]
			continue
		case '#':
			// Quotes and backslashes count in a comment too: InfluxDB looks for the end
			// of a line before it checks what the line is.
			msg = msg[past(msg, lineEnd(msg, 0)):]
			continue
		case Mark[0]:
			if bytes.HasPrefix(msg[start:], []byte(Mark)) {
				msg = msg[start+len(Mark):]
				continue
			}
		}
		end, stamp, err := scanPoint(msg, start)
		// The part of the server's parser that looks for the end of the line reads
		// leading blanks as the end of the tags.
		if start > 0 && err == nil && end != lineEnd(msg, 0) {
			err = ErrQuote
		}
		if err != nil {
			end = lineEnd(msg, 0)
			start = min(start, end)
			if hidden(msg[start:end]) && (err == ErrTag || err == ErrField) {
				err = ErrBackslash
			}
		}
		last := end
		if last > start && msg[last-1] == '\r' {
			last--
		}
		if last == start && last < end { // a blank line of a file with CRLF
			msg = msg[past(msg, end):]
			continue
		}
		return Line{Bytes: msg[start:last], Stamp: stamp, Err: err}, msg[past(msg, end):]
	}
	return Line{}, nil
}

// past returns the position after the newline at end, or the end of the message.
func past(msg []byte, end int) int { return min(end+1, len(msg)) }

// skipBlanks is models.skipWhitespace.
func skipBlanks(b []byte, i int) int {
	for i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == 0) {
		i++
	}
	return i
}

// lineEnd returns the end of a line as models.scanLine does, for lines that scanPoint
// rejects. It is not always right, but it is what the server does.
func lineEnd(b []byte, i int) int {
	var quoted, fields bool
	var equals, commas int
	for i < len(b) {
		c := b[i]
		if c == '\\' && i+2 < len(b) {
			i += 2
			continue
		}
		if c == ' ' {
			fields = true
		}
		switch {
		case c == '\n' && !quoted:
			return i
		case !fields:
		case c == '=' && !quoted:
			equals++
		case c == ',' && !quoted:
			commas++
		case c == '"' && equals > commas:
			quoted = !quoted
		}
		i++
	}
	return i
}
