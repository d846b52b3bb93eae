package oracle

import (
	"bytes"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/hamba/avro/v2"

	"github.com/brandpulse/brandpulse-connect/schemas"
)

// Tweet is one tweet as the oracle reads it.
type Tweet struct {
	ID        string `avro:"id" json:"id"`
	Text      string `avro:"text" json:"text"`
	Brand     string `avro:"brand" json:"brand"`
	Sentiment string `avro:"sentiment" json:"sentiment"`
	Millis    int64  `avro:"timestamp" json:"timestamp"`
}

// Form reads a record's value, or returns the reason why it is not a tweet.
type Form func(value []byte) (Tweet, error)

// Without the schema's logical types, for which the codec would return other Go types.
var schema = avro.MustParse(schemas.Tweet)

var codec = avro.Config{MaxByteSliceSize: 1 << 20}.Freeze()

// Avro is the raw datum of schemas/tweet.avsc. The codec accepts truncated and
// over-long data and ignores trailing bytes, so the value must equal the encoded tweet
// byte for byte.
func Avro(value []byte) (Tweet, error) {
	var wire struct {
		ID        string `avro:"id"`
		Text      string `avro:"text"`
		Brand     string `avro:"brand"`
		Sentiment string `avro:"sentiment"`
		Timestamp int64  `avro:"timestamp"`
	}
	if err := codec.Unmarshal(schema, value, &wire); err != nil {
		return Tweet{}, err
	}
	again, err := codec.Marshal(schema, wire)
	if err != nil {
		return Tweet{}, err
	}
	if !bytes.Equal(again, value) {
		return Tweet{}, errors.New("the value differs from the encoded tweet")
	}
	t := Tweet{ID: wire.ID, Text: wire.Text, Brand: wire.Brand, Sentiment: wire.Sentiment, Millis: wire.Timestamp}
	return t, t.check()
}

// Behind returns a form with a header before it, such as that of a schema registry.
func Behind(header []byte, form Form) Form {
	return func(value []byte) (Tweet, error) {
		rest, ok := bytes.CutPrefix(value, header)
		if !ok {
			return Tweet{}, errors.New("the value does not begin with the header")
		}
		return form(rest)
	}
}

// JSON is an object with the fields of the schema, with the timestamp in milliseconds.
// Other fields are ignored.
func JSON(value []byte) (Tweet, error) {
	var wire struct {
		ID        *string `json:"id"`
		Text      *string `json:"text"`
		Brand     *string `json:"brand"`
		Sentiment *string `json:"sentiment"`
		Timestamp *int64  `json:"timestamp"`
	}
	if err := json.Unmarshal(value, &wire); err != nil {
		return Tweet{}, err
	}
	if wire.ID == nil || wire.Text == nil || wire.Brand == nil || wire.Sentiment == nil || wire.Timestamp == nil {
		return Tweet{}, errors.New("a field is missing")
	}
	t := Tweet{ID: *wire.ID, Text: *wire.Text, Brand: *wire.Brand, Sentiment: *wire.Sentiment, Millis: *wire.Timestamp}
	return t, t.check()
}

// check is the documented rule: sizes in bytes, UTF-8, and the years 1677 to 2262,
// which InfluxDB's nanoseconds cover.
func (t Tweet) check() error {
	for _, text := range []string{t.ID, t.Text, t.Brand} {
		if !utf8.ValidString(text) {
			return errors.New("a text is not UTF-8")
		}
	}
	switch {
	case t.ID == "" || len(t.ID) > 256:
		return fmt.Errorf("the id has %d bytes, not 1 to 256", len(t.ID))
	case t.Brand == "" || len(t.Brand) > 256:
		return fmt.Errorf("the brand has %d bytes, not 1 to 256", len(t.Brand))
	case len(t.Text) > 16384:
		return fmt.Errorf("the text has %d bytes, more than 16384", len(t.Text))
	case t.Sentiment != "positive" && t.Sentiment != "negative" && t.Sentiment != "neutral":
		return fmt.Errorf("the sentiment is %q", t.Sentiment)
	case t.Millis < -9223372036854 || t.Millis > 9223372036854:
		return fmt.Errorf("the timestamp %d ms is out of range", t.Millis)
	}
	return nil
}

func (t Tweet) key() Key {
	second := t.Millis / 1000
	if t.Millis%1000 < 0 { // Go rounds towards zero
		second--
	}
	return Key{Second: second, Brand: t.Brand, Sentiment: t.Sentiment}
}
