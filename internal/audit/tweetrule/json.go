package tweetrule

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	errJSON      NotTweet = "it is not one JSON object"
	errTwice     NotTweet = "an object has the same name twice"
	errMembers   NotTweet = "the object does not have all of id, text, brand, sentiment and timestamp"
	errType      NotTweet = "a member of the tweet has the wrong type"
	errInteger   NotTweet = "the timestamp is not a whole number of milliseconds"
	errSurrogate NotTweet = "a string has half a surrogate pair"
)

// readJSON reads the single object in b. encoding/json checks the syntax but accepts
// more than the rule: bytes that are not UTF-8, halves of surrogate pairs, and names
// that occur twice or differ in case. So readJSON checks for these.
func readJSON(b []byte, t *raw) error {
	switch {
	case !utf8.Valid(b):
		return errUTF8
	case !json.Valid(b):
		return errJSON
	case !pairs(b):
		return errSurrogate
	}
	text := jsonText{b: b}
	if text.peek() != '{' {
		return errJSON
	}
	var m members
	if !text.object(m.set) {
		return errTwice
	}
	return m.tweet(t)
}

// unrepaired rejects JSON that a parser would repair. Invalid JSON is left to the
// mapping.
func unrepaired(b []byte) error {
	if !json.Valid(b) {
		return nil
	}
	switch {
	case !utf8.Valid(b):
		return errUTF8
	case !pairs(b):
		return errSurrogate
	}
	text := jsonText{b: append(b[:len(b):len(b)], ' ')} // value looks for the end of a number
	if _, ok := text.value(); !ok {
		return errTwice
	}
	return nil
}

// members are the JSON values of a tweet's fields, nil if they do not exist.
type members struct{ id, text, brand, sentiment, timestamp []byte }

func (m *members) set(name, value []byte) {
	switch string(name) {
	case "id":
		m.id = value
	case "text":
		m.text = value
	case "brand":
		m.brand = value
	case "sentiment":
		m.sentiment = value
	case "timestamp":
		m.timestamp = value
	}
}

func (m *members) tweet(t *raw) error {
	for _, value := range [][]byte{m.id, m.text, m.brand, m.sentiment, m.timestamp} {
		if value == nil || string(value) == "null" {
			return errMembers
		}
	}
	for _, value := range [][]byte{m.id, m.text, m.brand, m.sentiment} {
		if value[0] != '"' {
			return errType
		}
	}
	millis, err := strconv.ParseInt(string(m.timestamp), 10, 64) // neither a fraction nor an exponent
	if err != nil {
		return errInteger
	}
	*t = raw{id: unquote(m.id), text: unquote(m.text), brand: unquote(m.brand), millis: millis}
	switch sentiment := unquote(m.sentiment); string(sentiment) {
	case "positive":
		t.sentiment = "positive"
	case "negative":
		t.sentiment = "negative"
	case "neutral":
		t.sentiment = "neutral"
	}
	return nil
}

// unquote returns the text of a JSON string.
func unquote(quoted []byte) []byte {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil // b is valid JSON
	}
	return []byte(s)
}

// jsonText steps through a text that is known to be JSON, from one delimiter to the
// next.
type jsonText struct {
	b []byte
	i int
}

// peek returns the next byte that is not a space.
func (t *jsonText) peek() byte {
	for t.b[t.i] == ' ' || t.b[t.i] == '\n' || t.b[t.i] == '\r' || t.b[t.i] == '\t' {
		t.i++
	}
	return t.b[t.i]
}

// object reads an object. It returns false if a name occurs twice in it or in an object
// inside it.
func (t *jsonText) object(member func(name, value []byte)) bool {
	var few [8][]byte
	names := few[:0]
	t.i++ // the opening brace
	for t.peek() != '}' {
		if t.b[t.i] == ',' {
			t.i++
			t.peek()
		}
		name := unquote(t.string())
		names = append(names, name)
		t.peek()
		t.i++ // the colon
		value, ok := t.value()
		if !ok {
			return false
		}
		member(name, value)
	}
	t.i++
	slices.SortFunc(names, bytes.Compare)
	return len(slices.CompactFunc(names, bytes.Equal)) == len(names)
}

func (t *jsonText) value() (value []byte, ok bool) {
	switch t.peek() {
	case '"':
		return t.string(), true
	case '{':
		start := t.i
		ok = t.object(func([]byte, []byte) {})
		return t.b[start:t.i], ok
	case '[':
		start := t.i
		t.i++
		for t.peek() != ']' {
			if t.b[t.i] == ',' {
				t.i++
			}
			if _, ok := t.value(); !ok {
				return nil, false
			}
		}
		t.i++
		return t.b[start:t.i], true
	}
	n := bytes.IndexAny(t.b[t.i:], ",]} \n\r\t")
	t.i += n
	return t.b[t.i-n : t.i], true
}

// string reads a string with its quotes.
func (t *jsonText) string() []byte {
	start := t.i
	for t.i++; t.b[t.i] != '"'; t.i++ {
		if t.b[t.i] == '\\' {
			t.i++
		}
	}
	t.i++
	return t.b[start:t.i]
}

// pairs reports whether each escaped surrogate in the JSON text b is part of a pair.
// Backslashes occur in strings only.
func pairs(b []byte) bool {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 {
			return true
		}
		b = b[i:]
		r, ok := escaped(b)
		switch {
		case !ok:
			b = b[2:]
			continue
		case !utf16.IsSurrogate(r):
			b = b[6:]
			continue
		}
		low, ok := escaped(b[6:])
		if !ok || utf16.DecodeRune(r, low) == utf8.RuneError {
			return false
		}
		b = b[12:]
	}
}

// escaped reads \uXXXX at the start of b.
func escaped(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[2:6]), 16, 16)
	return rune(v), err == nil
}
