package tweet

import (
	"errors"
	"strconv"
	"time"
)

// Limits of a tweet's strings, in bytes. Decoders reject longer ones, so that one
// broken record cannot exhaust the memory of the process, and one id or brand cannot
// exhaust InfluxDB's index, which keeps every tag value in memory.
const (
	MaxIDBytes    = 256
	MaxBrandBytes = 256
	MaxTextBytes  = 16 << 10
)

// The first and last millisecond that InfluxDB can store as nanoseconds,
// 1677-09-21T00:12:43.146Z and 2262-04-11T23:47:16.854Z. The source is
// MinNanoTime and MaxNanoTime in models/time.go of influxdata/influxdb:
// MinInt64+2 and MaxInt64-1 nanoseconds.
const (
	MinMillis int64 = -9223372036854
	MaxMillis int64 = 9223372036854
)

// Reasons why bytes are not a tweet. They are values, so that a topic full of foreign
// records does not allocate one for each.
var (
	ErrEmpty     = errors.New("the record is empty")
	ErrTruncated = errors.New("the bytes end inside the tweet")
	ErrTrailing  = errors.New("trailing bytes after the tweet")
	ErrVarint    = errors.New("a number is over-long or overflows 64 bits")

	ErrIDLength    = errors.New("the id has a negative length")
	ErrIDEmpty     = errors.New("the id is empty")
	ErrIDTooLong   = errors.New("the id is longer than 256 bytes")
	ErrIDNotUTF8   = errors.New("the id is not valid UTF-8")
	ErrTextLength  = errors.New("the text has a negative length")
	ErrTextTooLong = errors.New("the text is longer than 16384 bytes")
	ErrTextNotUTF8 = errors.New("the text is not valid UTF-8")

	ErrBrandLength  = errors.New("the brand has a negative length")
	ErrBrandEmpty   = errors.New("the brand is empty")
	ErrBrandTooLong = errors.New("the brand is longer than 256 bytes")
	ErrBrandNotUTF8 = errors.New("the brand is not valid UTF-8")
)

// SentimentError is a position outside the enum of the Avro schema.
type SentimentError int64

func (e SentimentError) Error() string {
	return "sentiment " + strconv.FormatInt(int64(e), 10) + " is not in the enum"
}

// TimestampError is a timestamp in milliseconds that InfluxDB cannot store.
type TimestampError int64

func (e TimestampError) Error() string {
	text := "timestamp " + strconv.FormatInt(int64(e), 10) + " ms is outside the years 1677 to 2262 that InfluxDB can store"
	for _, unit := range []struct {
		name  string
		milli int64
	}{{"microseconds", 1000}, {"nanoseconds", 1_000_000}} {
		if t := time.UnixMilli(int64(e) / unit.milli).UTC(); t.Year() > 2000 && t.Year() < 2100 {
			text += "; in " + unit.name + " it would be " + t.Format(time.RFC3339) + ": set milliseconds"
		}
	}
	return text
}

// Check returns an error unless t is within the limits that the decoders enforce,
// including valid UTF-8. A tweet that passes Check survives encoding and decoding
// unchanged.
func (t *Tweet) Check() error {
	if err := idRule.check(t.ID); err != nil {
		return err
	}
	if err := textRule.check(t.Text); err != nil {
		return err
	}
	if err := brandRule.check(t.Brand); err != nil {
		return err
	}
	if t.Sentiment >= NumSentiments {
		return SentimentError(t.Sentiment)
	}
	if t.Millis < MinMillis || t.Millis > MaxMillis {
		return TimestampError(t.Millis)
	}
	return nil
}
