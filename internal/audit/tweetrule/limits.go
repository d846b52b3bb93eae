package tweetrule

import (
	"bytes"
	"math"
	"time"
	"unicode/utf8"
)

// Reasons why a value does not count.
const (
	errEmpty     NotTweet = "the value is empty"
	errLong      NotTweet = "the value has more than 1048576 bytes"
	errID        NotTweet = "the id does not have 1 to 256 bytes"
	errText      NotTweet = "the text has more than 16384 bytes"
	errBrand     NotTweet = "the brand does not have 1 to 256 bytes"
	errUTF8      NotTweet = "a text is not UTF-8"
	errSentiment NotTweet = "the sentiment is not positive, negative or neutral"
	errMillis    NotTweet = "InfluxDB cannot store the timestamp"
	errTimeRange NotTweet = "InfluxDB cannot store all of the timestamp's window"
	errBounds    NotTweet = "the timestamp is outside of timestamp_bounds"
	errBrandLine NotTweet = "line protocol cannot carry the brand"
)

// raw is a tweet as it was read. It aliases its input.
type raw struct {
	id, text, brand []byte
	sentiment       string
	millis          int64
}

// The first and the last millisecond that InfluxDB can store.
const (
	minMillis = minNanos / 1_000_000
	maxMillis = maxNanos / 1_000_000
)

// The first and the last nanosecond that InfluxDB can store. The values beyond mean
// "none" (models/time.go).
const (
	minNanos = math.MinInt64 + 2
	maxNanos = math.MaxInt64 - 1
)

// check returns the reason why the tweet does not count, or nil. A mapping may leave
// out the id.
func (t *raw) check(mapped bool) error {
	switch {
	case len(t.id) < 1 && !mapped || len(t.id) > 256:
		return errID
	case len(t.text) > 16384:
		return errText
	case len(t.brand) < 1 || len(t.brand) > 256:
		return errBrand
	case !utf8.Valid(t.id) || !utf8.Valid(t.text) || !utf8.Valid(t.brand):
		return errUTF8
	case t.sentiment != "positive" && t.sentiment != "negative" && t.sentiment != "neutral":
		return errSentiment
	case t.millis < minMillis || t.millis > maxMillis:
		return errMillis
	case !carried(t.brand):
		return errBrandLine
	}
	return nil
}

// allow reports whether the timestamp of a tweet is within the bounds. record is the
// timestamp of its record in Kafka. Both are in milliseconds.
func (b *Bounds) allow(millis, record int64) bool {
	if !b.Min.IsZero() && millis < b.Min.UnixMilli() || !b.Max.IsZero() && millis > b.Max.UnixMilli() {
		return false
	}
	if b.Before == nil && b.After == nil {
		return true
	}
	switch {
	case record < 0:
		return false
	case record > math.MaxInt64/2: // later than any tweet by more than any duration
		return b.Before == nil
	}
	age := time.Duration(record - millis) // in milliseconds
	if b.Before != nil && age > *b.Before/time.Millisecond {
		return false
	}
	return b.After == nil || -age <= *b.After/time.Millisecond
}

// carried reports whether line protocol can carry a brand as a tag.
func carried(brand []byte) bool {
	return !bytes.ContainsRune(brand, '\n') && !bytes.HasSuffix(brand, []byte{'\\'}) && !bytes.Contains(brand, []byte(`\ `))
}

// Floor returns the start of a time's window, in nanoseconds since the Unix epoch. ok
// is false if InfluxDB cannot store all of the window. Windows are resolution
// nanoseconds long, and one of them begins at the epoch.
func Floor(millis, resolution int64) (nanos int64, ok bool) {
	if millis < minMillis || millis > maxMillis {
		return 0, false
	}
	at := millis * 1_000_000
	number := at / resolution
	if at%resolution < 0 { // / rounds towards 0
		number--
	}
	if number < minNanos/resolution || number > maxNanos/resolution {
		return 0, false
	}
	start := number * resolution
	return start, start <= maxNanos-resolution
}
