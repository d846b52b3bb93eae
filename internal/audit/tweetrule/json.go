package tweetrule

import (
	"bytes"
	"encoding/json"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

const (
	errJSON      NotTweet = "it is not one JSON object"
	errTwice     NotTweet = "a name occurs twice in an object"
	errMembers   NotTweet = "the object has not all of id, text, brand, sentiment and timestamp"
	errType      NotTweet = "a member of the tweet has another type"
	errInteger   NotTweet = "the timestamp is not a whole number of milliseconds"
	errSurrogate NotTweet = "a string has half of a surrogate pair"
)

// readJSON reads the one object in b. encoding/json takes more than the rule:
// bytes that are not UTF-8, halves of surrogate pairs, names that occur twice or
// differ in case. So those are looked for here, and the object is read token by
// token.
func readJSON(b []byte, t *raw) error {
	switch {
	case !utf8.Valid(b):
		return errUTF8
	case !json.Valid(b):
		return errJSON
	case !pairs(b):
		return errSurrogate
	}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.UseNumber()
	if first, err := decoder.Token(); err != nil || first != json.Delim('{') {
		return errJSON
	}
	members := map[string]json.Token{}
	err := eachMember(decoder, func(name string) error {
		switch name {
		case "id", "text", "brand", "sentiment", "timestamp":
			v, err := decoder.Token()
			if _, composite := v.(json.Delim); err != nil || composite {
				return errType
			}
			members[name] = v
			return nil
		}
		return skipValue(decoder)
	})
	if err != nil {
		return err
	}
	return fromMembers(members, t)
}

func fromMembers(members map[string]json.Token, t *raw) error {
	for _, name := range []string{"id", "text", "brand", "sentiment", "timestamp"} {
		if members[name] == nil {
			return errMembers
		}
	}
	id, isID := members["id"].(string)
	text, isText := members["text"].(string)
	brand, isBrand := members["brand"].(string)
	sentiment, isSentiment := members["sentiment"].(string)
	timestamp, isNumber := members["timestamp"].(json.Number)
	if !isID || !isText || !isBrand || !isSentiment || !isNumber {
		return errType
	}
	millis, err := strconv.ParseInt(timestamp.String(), 10, 64) // neither fraction nor exponent
	if err != nil {
		return errInteger
	}
	*t = raw{id: []byte(id), text: []byte(text), brand: []byte(brand), sentiment: sentiment, millis: millis}
	return nil
}

// eachMember reads an object after its brace, up to the brace at its end. value
// reads the value that stands after a name.
func eachMember(decoder *json.Decoder, value func(name string) error) error {
	seen := map[string]bool{}
	for {
		token, err := decoder.Token()
		if err != nil {
			return errJSON
		}
		name, ok := token.(string)
		if !ok {
			return nil // the brace
		}
		if seen[name] {
			return errTwice
		}
		seen[name] = true
		if err := value(name); err != nil {
			return err
		}
	}
}

// skipValue reads a value that does not matter, but for names that occur twice.
func skipValue(decoder *json.Decoder) error {
	token, err := decoder.Token()
	if err != nil {
		return errJSON
	}
	switch token {
	case json.Delim('{'):
		return eachMember(decoder, func(string) error { return skipValue(decoder) })
	case json.Delim('['):
		for decoder.More() {
			if err := skipValue(decoder); err != nil {
				return err
			}
		}
		_, err = decoder.Token() // the bracket
		if err != nil {
			return errJSON
		}
	}
	return nil
}

// pairs tells whether each escaped surrogate in the JSON text b is half of a
// pair. A backslash only occurs in strings.
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
