package tweetrule

import (
	"encoding/json"
	"errors"
	"math"
	"time"
)

const (
	errObject    NotTweet = "the mapping's result is not an object"
	errNoText    NotTweet = "in the mapping's result, a field that must be a string is not"
	errTimestamp NotTweet = "the timestamp in the mapping's result is missing, or not a whole number of milliseconds"
)

// readMapped reads a tweet from a mapping's result: an object with brand, sentiment and
// timestamp, which is a whole number of milliseconds or a time; text and id are
// optional. Numbers with a fraction are rejected, and all texts must be UTF-8. JSON
// input that is not UTF-8, has half a surrogate pair, or has a name twice in an object
// is rejected before the mapping runs.
func readMapped(mapping func(*Record) (any, error)) func(*Record, *raw) error {
	return func(r *Record, t *raw) error {
		if err := unrepaired(r.Value); err != nil {
			return err
		}
		given, err := mapping(r)
		switch {
		case errors.Is(err, ErrFiltered):
			return ErrFiltered
		case err != nil:
			return NotTweet("the mapping failed: " + err.Error())
		}
		object, ok := given.(map[string]any)
		if !ok {
			return errObject
		}
		var sentiment []byte
		for name, into := range map[string]*[]byte{"id": &t.id, "text": &t.text, "brand": &t.brand, "sentiment": &sentiment} {
			switch value := object[name].(type) {
			case nil:
				*into = nil
			case string:
				*into = []byte(value)
			case []byte:
				*into = value
			default:
				return errNoText
			}
		}
		t.sentiment = string(sentiment)
		if t.millis, ok = millisOf(object["timestamp"]); !ok {
			return errTimestamp
		}
		return nil
	}
}

func millisOf(value any) (millis int64, ok bool) {
	switch value := value.(type) {
	case int64:
		return value, true
	case int:
		return int64(value), true
	case uint64:
		return int64(value), value <= math.MaxInt64
	case json.Number:
		millis, err := value.Int64()
		return millis, err == nil
	case time.Time:
		return value.UnixMilli(), true
	}
	return 0, false
}
