package sentimentwindow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// errFiltered is the error of a record that the mapping deletes on purpose: it is
// neither counted nor a dead letter.
var errFiltered = errors.New("the mapping deletes it")

// mappedDecoder reads other data through a Bloblang mapping, which returns an object with
// our field names.
func mappedDecoder(mapping *bloblang.Executor) func(context.Context, *service.Message, *tweet.Tweet) error {
	return func(_ context.Context, m *service.Message, t *tweet.Tweet) error {
		if m.HasBytes() {
			// Benthos parses them, and silently repairs invalid JSON.
			b, err := m.AsBytes()
			if err != nil {
				return err
			}
			if err := tweet.CheckJSON(b); err != nil {
				return err
			}
		}
		// BloblangQueryValue would be shorter, but has no `this`.
		mapped, err := m.BloblangQuery(mapping)
		if err != nil {
			if b, _ := m.AsBytes(); tweet.ByteOrderMark(b) != "" {
				return fmt.Errorf("mapping it to a tweet: %s: %w", tweet.ByteOrderMark(b), err)
			}
			return fmt.Errorf("mapping it to a tweet: %w", err)
		}
		if mapped == nil {
			return errFiltered
		}
		v, err := mapped.AsStructured()
		if err != nil {
			return fmt.Errorf("the result of the mapping: %w", err)
		}
		if err := fromObject(v, t); err != nil {
			return fmt.Errorf("the result of the mapping: %w", err)
		}
		return nil
	}
}

// fromObject reads a tweet from {brand, sentiment, timestamp, text, id}. The last two
// may be missing; other fields are ignored.
func fromObject(v any, t *tweet.Tweet) error {
	o, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("it is %s, not an object", valuetype.Of(v))
	}
	brand, err := text(o, "brand", tweet.MaxBrandBytes)
	if err != nil {
		return err
	}
	if len(brand) == 0 {
		return errors.New("brand is missing or empty")
	}
	name, err := text(o, "sentiment", 16)
	if err != nil {
		return err
	}
	if len(name) == 0 {
		return errors.New("sentiment is missing or empty")
	}
	sentiment, ok := tweet.ParseSentiment(name)
	if !ok {
		return fmt.Errorf("sentiment is %q, not positive, negative or neutral", name)
	}
	millis, err := timestamp(o["timestamp"])
	if err != nil {
		return err
	}
	if millis < tweet.MinMillis || millis > tweet.MaxMillis {
		return tweet.TimestampError(millis)
	}
	body, err := text(o, "text", tweet.MaxTextBytes)
	if err != nil {
		return err
	}
	id, err := text(o, "id", tweet.MaxIDBytes)
	if err != nil {
		return err
	}
	*t = tweet.Tweet{ID: id, Text: body, Brand: brand, Sentiment: sentiment, Millis: millis}
	return nil
}

func text(o map[string]any, name string, limit int) ([]byte, error) {
	var s string
	switch v := o[name].(type) {
	case nil:
	case string:
		s = v
	case []byte:
		s = string(v)
	default:
		return nil, fmt.Errorf("%s is %s, not a string", name, valuetype.Of(v))
	}
	if len(s) > limit {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", name, len(s), limit)
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("%s is not UTF-8", name)
	}
	return []byte(s), nil
}

// timestamp accepts whole milliseconds and Bloblang timestamps. A float is an error,
// since it may have lost precision.
func timestamp(v any) (int64, error) {
	switch v := v.(type) {
	case nil:
		return 0, errors.New("timestamp is missing")
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		if v > 1<<63-1 {
			return 0, fmt.Errorf("timestamp %d is too large", v)
		}
		return int64(v), nil
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n, nil
		} else if errors.Is(err, strconv.ErrRange) {
			return 0, fmt.Errorf("timestamp %s is too large", v)
		}
		return 0, fmt.Errorf("timestamp %s is not a whole number of milliseconds", v)
	case time.Time:
		return v.UnixMilli(), nil
	case float64:
		return 0, fmt.Errorf("timestamp %v is a float: return whole milliseconds, with .round() or .ts_unix_milli()", v)
	case string:
		return 0, fmt.Errorf("timestamp %q is a string: parse it, for example with .ts_parse(\"2006-01-02T15:04:05Z07:00\").ts_unix_milli()", v)
	default:
		return 0, fmt.Errorf("timestamp is %s, not a whole number of milliseconds", valuetype.Of(v))
	}
}
