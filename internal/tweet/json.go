package tweet

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// Reasons why JSON is not a tweet, besides those of the Avro form.
var (
	ErrNotObject     = errors.New("the record is not a JSON object")
	ErrNoID          = errors.New("the object has no id")
	ErrNoText        = errors.New("the object has no text")
	ErrNoBrand       = errors.New("the object has no brand")
	ErrNoSentiment   = errors.New("the object has no sentiment")
	ErrNoTimestamp   = errors.New("the object has no timestamp")
	ErrNotInteger    = errors.New("the timestamp must be an integer, milliseconds since 1970")
	ErrSentimentName = errors.New("the sentiment is not positive, negative or neutral")
)

// AppendJSON appends t as one JSON object,
// {"id":"...","text":"...","brand":"...","sentiment":"positive","timestamp":1767225600000},
// with the timestamp in milliseconds. It does not check t (see Check). Bytes that are
// not UTF-8 become U+FFFD, since JSON cannot contain them.
func (t *Tweet) AppendJSON(dst []byte) []byte {
	dst = AppendQuoted(append(dst, `{"id":`...), t.ID)
	dst = AppendQuoted(append(dst, `,"text":`...), t.Text)
	dst = AppendQuoted(append(dst, `,"brand":`...), t.Brand)
	dst = append(dst, `,"sentiment":"`...)
	dst = append(dst, t.Sentiment.String()...)
	dst = append(dst, `","timestamp":`...)
	return append(strconv.AppendInt(dst, t.Millis, 10), '}')
}

// AppendQuoted appends s as a JSON string.
func AppendQuoted(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		width := 1
		if c >= utf8.RuneSelf {
			var r rune
			if r, width = utf8.DecodeRune(s[i:]); r != utf8.RuneError || width > 1 {
				i += width
				continue
			}
		}
		dst = append(dst, s[start:i]...)
		switch {
		case c >= utf8.RuneSelf:
			dst = append(dst, `\ufffd`...)
		case c == '"', c == '\\':
			dst = append(dst, '\\', c)
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\r':
			dst = append(dst, '\\', 'r')
		case c == '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&0xF])
		}
		i += width
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

// DecodeJSON reads the single JSON object in b into t. Its members are those of
// AppendJSON, in any order, none of them missing or null; other members are ignored. A
// name that occurs twice, invalid UTF-8, data after the object and a timestamp with a
// fraction or an exponent are errors. The slices of t alias b, except for strings with
// an escape. On an error t is unchanged.
func (t *Tweet) DecodeJSON(b []byte) error {
	p := jsonParsers.Get().(*jsonParser)
	defer jsonParsers.Put(p)
	got, err := p.parse(b)
	p.src = bytes.Buffer{} // drop the reference to b
	if err != nil {
		return err
	}
	if err := got.Check(); err != nil {
		return err
	}
	*t = got
	return nil
}

// jsonParser is pooled, since jsontext allocates for each new decoder.
type jsonParser struct {
	src bytes.Buffer // jsontext parses a Buffer's bytes in place
	dec jsontext.Decoder
}

var jsonParsers = sync.Pool{New: func() any { return new(jsonParser) }}

func (p *jsonParser) parse(b []byte) (t Tweet, err error) {
	p.src = *bytes.NewBuffer(b)
	p.dec.Reset(&p.src)
	if p.dec.PeekKind() != jsontext.KindBeginObject {
		if len(bytes.TrimSpace(b)) == 0 {
			return t, ErrEmpty
		}
		return t, fmt.Errorf("%w; %s", ErrNotObject, start(b))
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return t, fmt.Errorf("reading JSON: %w", err)
	}
	var seen members
	for p.dec.PeekKind() != jsontext.KindEndObject {
		if err := p.member(&t, &seen); err != nil {
			return t, err
		}
	}
	if _, err := p.dec.ReadToken(); err != nil {
		return t, fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := p.dec.ReadToken(); err != io.EOF {
		return t, ErrTrailing
	}
	return t, seen.missing()
}

// members are the members of a tweet that an object has.
type members struct{ id, text, brand, sentiment, timestamp bool }

func (m *members) missing() error {
	switch {
	case !m.id:
		return ErrNoID
	case !m.text:
		return ErrNoText
	case !m.brand:
		return ErrNoBrand
	case !m.sentiment:
		return ErrNoSentiment
	case !m.timestamp:
		return ErrNoTimestamp
	}
	return nil
}

func (p *jsonParser) member(t *Tweet, seen *members) error {
	name, err := p.dec.ReadValue()
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	// Escapes are decoded here, before the next read may overwrite name.
	name, err = unquote(name)
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	value, err := p.dec.ReadValue()
	if err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	switch string(name) {
	case "id":
		return readJSONString(value, "id", &t.ID, &seen.id)
	case "text":
		return readJSONString(value, "text", &t.Text, &seen.text)
	case "brand":
		return readJSONString(value, "brand", &t.Brand, &seen.brand)
	case "sentiment":
		var s []byte
		if err := readJSONString(value, "sentiment", &s, &seen.sentiment); err != nil || !seen.sentiment {
			return err
		}
		var ok bool
		if t.Sentiment, ok = ParseSentiment(s); !ok {
			return ErrSentimentName
		}
	case "timestamp":
		return readJSONMillis(value, t, &seen.timestamp)
	}
	return nil
}

func readJSONString(value jsontext.Value, name string, dst *[]byte, seen *bool) (err error) {
	switch value.Kind() {
	case jsontext.KindNull:
		return nil
	case jsontext.KindString:
		*seen = true
		*dst, err = unquote(value)
		return err
	}
	return fmt.Errorf("the %s is not a string; it is %s", name, found(value))
}

func readJSONMillis(value jsontext.Value, t *Tweet, seen *bool) error {
	switch value.Kind() {
	case jsontext.KindNull:
		return nil
	case jsontext.KindNumber:
	default:
		return fmt.Errorf("%w; it is %s", ErrNotInteger, found(value))
	}
	*seen = true
	if bytes.ContainsAny(value, ".eE") {
		return fmt.Errorf("%w; it is %s, with a fraction or an exponent", ErrNotInteger, found(value))
	}
	millis, err := strconv.ParseInt(string(value), 10, 64)
	if err != nil {
		return fmt.Errorf("%w; it is %s, out of range", ErrNotInteger, found(value))
	}
	t.Millis = millis
	return nil
}

// found describes a JSON value in an error: its type, and a short one itself.
func found(value jsontext.Value) string {
	kind := map[jsontext.Kind]string{
		jsontext.KindNull: "null", jsontext.KindTrue: "a boolean", jsontext.KindFalse: "a boolean",
		jsontext.KindString: "a string", jsontext.KindNumber: "a number",
		jsontext.KindBeginObject: "an object", jsontext.KindBeginArray: "an array",
	}[value.Kind()]
	if value.Kind() == jsontext.KindNull || len(value) > 64 {
		return kind
	}
	return kind + ", " + string(value)
}

// start describes how a record that is not an object begins.
func start(b []byte) string {
	switch first := bytes.TrimSpace(b)[0]; {
	case ByteOrderMark(b) != "":
		return ByteOrderMark(b)
	case first == '[':
		return "it is an array: its elements must be records of their own"
	case first == '"':
		return "it is a string: its content may be an object that was encoded twice"
	case first >= ' ' && first < utf8.RuneSelf:
		return fmt.Sprintf("it begins with %q", first)
	default:
		return fmt.Sprintf("it begins with the byte %02x", b[0])
	}
}

// ByteOrderMark describes the byte order mark that a record begins with, or returns "".
func ByteOrderMark(b []byte) string {
	switch {
	case bytes.HasPrefix(b, []byte("\xef\xbb\xbf")):
		return "it begins with a byte order mark (the bytes ef bb bf), which its producer must omit"
	case bytes.HasPrefix(b, []byte("\xff\xfe")), bytes.HasPrefix(b, []byte("\xfe\xff")):
		return "it begins with the byte order mark of UTF-16; JSON must be UTF-8"
	}
	return ""
}

// unquote returns the text of the JSON string v: a part of v itself unless it contains
// an escape.
func unquote(v jsontext.Value) ([]byte, error) {
	if bytes.IndexByte(v, '\\') < 0 {
		return v[1 : len(v)-1 : len(v)-1], nil
	}
	return jsontext.AppendUnquote([]byte(nil), v)
}
