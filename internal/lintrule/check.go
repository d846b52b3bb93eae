package lintrule

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// The Check functions are the rules for constructors, since lint may be skipped.

// CheckEnum is Enum.
func CheckEnum(field, value string, values ...string) error {
	if slices.Contains(values, value) {
		return nil
	}
	return refused(field, value, oneOf(values))
}

// CheckEnum is Renamed.Enum.
func (r Renamed) CheckEnum(field, value string, values ...string) error {
	if now, found := r[value]; found {
		return fmt.Errorf(field+renamed, strconv.Quote(value), now)
	}
	return CheckEnum(field, value, values...)
}

// CheckInt is Int.
func CheckInt(field string, value, least, most int64) error {
	if value >= least && (most == 0 || value <= most) {
		return nil
	}
	return refused(field, value, ints(least, most))
}

// CheckFloat is Float. right is the result of its condition.
func CheckFloat(field string, value float64, right bool, allowed string) error {
	if right {
		return nil
	}
	return refused(field, value, allowed)
}

// CheckNotEmpty is NotEmpty.
func CheckNotEmpty(field, value string) error {
	if value != "" {
		return nil
	}
	return refused(field, value, notEmpty)
}

// CheckText is Text, with the condition as ok.
func CheckText(field, value string, ok bool, allowed string) error {
	if ok {
		return nil
	}
	return refused(field, value, allowed)
}

// CheckDuration is Duration.
func CheckDuration(field string, d, least, most time.Duration) error {
	if within(d, least, most) {
		return nil
	}
	return refused(field, d, durations(least, most, false))
}

// CheckZeroOrDuration is ZeroOrDuration.
func CheckZeroOrDuration(field, zero string, d, least, most time.Duration) error {
	if d == 0 || within(d, least, most) {
		return nil
	}
	return refused(field, d, zeroOr(zero, least, most))
}

// CheckWholeMillis is WholeMillis.
func CheckWholeMillis(field string, d, least, most time.Duration) error {
	if within(d, least, most) && d%time.Millisecond == 0 {
		return nil
	}
	return refused(field, d, durations(least, most, true))
}

func within(d, least, most time.Duration) bool {
	return d >= least && (most == 0 || d <= most)
}

func refused(field string, value any, allowed string) error {
	switch v := value.(type) {
	case string:
		value = fmt.Sprintf("%q", v[:min(len(v), 100)])
	case time.Duration:
		value = short(v)
	}
	return fmt.Errorf("%s is %v: it must be %s", field, value, allowed)
}
