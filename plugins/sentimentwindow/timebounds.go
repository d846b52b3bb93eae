package sentimentwindow

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// bounds are the timestamps that count, in milliseconds. A replay must give the same
// results, so they never depend on the clock.
type bounds struct {
	min, max      int64 // since the Unix epoch
	before, after int64 // relative to the record's timestamp in Kafka; -1: not bounded
}

// relative reports whether the record's timestamp in Kafka is needed.
func (b *bounds) relative() bool { return b.before >= 0 || b.after >= 0 }

// check returns an error if a tweet of this time is out of bounds. record is the
// timestamp of its record in Kafka, negative if it has none. Nil bounds allow all.
func (b *bounds) check(millis, record int64) error {
	switch {
	case b == nil:
		return nil
	case millis < b.min:
		return &boundsError{millis, "before `" + fieldBounds + "." + fieldBoundsMin + "`", b.min}
	case millis > b.max:
		return &boundsError{millis, "after `" + fieldBounds + "." + fieldBoundsMax + "`", b.max}
	case !b.relative():
		return nil
	case record < 0:
		return errNoRecordTime
	case b.before >= 0 && millis+b.before < record:
		return &boundsError{millis, "more than `" + fieldBounds + "." + fieldBeforeRecord + "` before its record in Kafka", record}
	case b.after >= 0 && millis-b.after > record:
		return &boundsError{millis, "more than `" + fieldBounds + "." + fieldAfterRecord + "` after its record in Kafka", record}
	}
	return nil
}

var errNoRecordTime = fmt.Errorf("its record has no timestamp in Kafka, which `%s.%s` and `%s` are relative to", fieldBounds, fieldBeforeRecord, fieldAfterRecord)

// boundsError is formatted only if it is read.
type boundsError struct {
	millis int64
	how    string
	limit  int64
}

func (e *boundsError) Error() string {
	return fmt.Sprintf("its timestamp %s is %s, %s%s", inWords(e.millis), e.how, inWords(e.limit), guess(e.millis))
}

// inWords formats a timestamp and its number of milliseconds. Some numbers are outside
// the range of times that can be formatted.
func inWords(millis int64) string {
	if millis < tweet.MinMillis || millis > tweet.MaxMillis {
		return strconv.FormatInt(millis, 10)
	}
	return fmt.Sprintf("%d (%s)", millis, time.UnixMilli(millis).UTC().Format("2006-01-02T15:04:05.000Z"))
}

// guess returns the probable meaning of a timestamp in 1970.
func guess(millis int64) string {
	if t := time.UnixMilli(millis * 1000).UTC(); early(millis) && t.Year() > 2000 && t.Year() < 2100 {
		return "; in seconds it would be " + t.Format(time.RFC3339)
	}
	return ""
}

// boundsFrom reads the fields. It returns nil if nothing is bounded.
func boundsFrom(parsed *service.ParsedConfig) (*bounds, error) {
	b := &bounds{min: math.MinInt64, max: math.MaxInt64, before: -1, after: -1}
	read := func(name string, into *int64, parse func(string) (int64, error)) error {
		text, err := parsed.FieldString(name)
		if err != nil || text == "" {
			return err
		}
		if *into, err = parse(text); err != nil {
			return fmt.Errorf("%s.%s is %q: %w", fieldBounds, name, text, err)
		}
		return nil
	}
	for _, f := range []struct {
		name  string
		into  *int64
		parse func(string) (int64, error)
	}{
		{fieldBoundsMin, &b.min, millisOfTime},
		{fieldBoundsMax, &b.max, millisOfTime},
		{fieldBeforeRecord, &b.before, millisOfDuration},
		{fieldAfterRecord, &b.after, millisOfDuration},
	} {
		if err := read(f.name, f.into, f.parse); err != nil {
			return nil, err
		}
	}
	if b.min > b.max {
		return nil, fmt.Errorf("%s.%s is later than %s: no tweet would be counted", fieldBounds, fieldBoundsMin, fieldBoundsMax)
	}
	if *b == (bounds{math.MinInt64, math.MaxInt64, -1, -1}) {
		return nil, nil
	}
	return b, nil
}

func millisOfTime(text string) (int64, error) {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("it must be a time like 2026-01-31T00:00:00Z")
	}
	return t.UnixMilli(), nil
}

func millisOfDuration(text string) (int64, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("it must be a duration like 168h, not negative")
	}
	return d.Milliseconds(), nil
}

// recordMillis returns the timestamp of a message's record in Kafka, or -1. A header can
// replace it, but not with an int64.
func recordMillis(m *service.Message) (int64, error) {
	v, ok := m.MetaGetMut(contract.KafkaTimestamp)
	if !ok {
		return -1, nil
	}
	millis, ok := v.(int64)
	if !ok {
		return -1, contract.ReplacedError(contract.KafkaTimestamp, v)
	}
	return millis, nil
}
