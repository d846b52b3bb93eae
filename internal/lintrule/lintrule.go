// Package lintrule returns the lint rules of the plugins' fields, in Bloblang, so that
// every build of Benthos applies them.
//
// Benthos itself has no rules for durations and ranges. A message contains the field,
// its value and what is allowed, so these rules must not be used for secrets: see
// package secret.
//
// Benthos converts a value to the type of its field before it runs the rule, and skips
// the rule if that fails: 10.5 arrives as 10, and `rate: abc` passes. A rule cannot
// notice either. The lint command of the distribution does, by the types in the specs.
package lintrule

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// shown is the value in a message: shortened, and text in quotes.
const shown = `let shown = this.format_json(no_indent: true, escape_html: false).string().catch(this.string()).slice(0, 100)
`

// rule returns a rule with the message "FIELD is VALUE: it must be ALLOWED" for values
// for which the condition holds.
func rule(field, condition, allowed string) string {
	return shown + `root = if ` + condition + ` { [ ` + strconv.Quote(field+" is %v: it must be "+allowed) + `.format($shown) ] }`
}

// Enum allows the given values.
func Enum(field string, values ...string) string {
	return rule(field, `!["`+strings.Join(values, `", "`)+`"].contains(this)`, oneOf(values))
}

// Renamed maps former values of a field to the values that replaced them.
type Renamed map[string]string

// Enum allows the given values, and names the new value for a former one.
func (r Renamed) Enum(field string, values ...string) string {
	former, _ := json.Marshal(map[string]string(r)) // cannot fail for a map of texts
	return "let renamed = " + string(former) + "\n" + Enum(field, values...) + `
root = if $renamed.keys().contains(this) { [ ` + strconv.Quote(field+renamed) + `.format($shown, $renamed.get(this)) ] }`
}

// renamed is the rest of the message about a former value and its new name.
const renamed = " is %v, which is now called %v"

// Int allows whole numbers from least to most; 0 for most means no limit.
func Int(field string, least, most int64) string {
	wrong := fmt.Sprintf(`this < %d`, least)
	if most > 0 {
		wrong += fmt.Sprintf(` || this > %d`, most)
	}
	return rule(field, wrong, ints(least, most))
}

func ints(least, most int64) string {
	if most == 0 {
		return fmt.Sprintf("a whole number, at least %d", least)
	}
	return fmt.Sprintf("a whole number from %d to %d", least, most)
}

// Float allows the numbers for which the condition on `this` holds, which it never does
// for values that are not numbers. allowed describes them.
func Float(field, condition, allowed string) string {
	return rule(field, `!(`+condition+`)`, allowed)
}

// NotEmpty allows any text except the empty one.
func NotEmpty(field string) string {
	return rule(field, `this == ""`, notEmpty)
}

const notEmpty = "a text that is not empty"

// Text rejects a text for which the condition on `this` holds. allowed describes the
// other texts.
func Text(field, condition, allowed string) string {
	return rule(field, condition, allowed)
}

// Duration allows durations from least to most; 0 for most means no limit.
func Duration(field string, least, most time.Duration) string {
	return duration(field, least, most, false)
}

// ZeroOrDuration is Duration plus 0s, whose meaning is zero.
func ZeroOrDuration(field, zero string, least, most time.Duration) string {
	return "let d = this.parse_duration().catch(null)\n" + rule(field, "$d != 0 && ("+outside(least, most)+")", zeroOr(zero, least, most))
}

func zeroOr(zero string, least, most time.Duration) string {
	return "0s, " + zero + ", or " + durations(least, most, false)
}

// WholeMillis is Duration for whole milliseconds.
func WholeMillis(field string, least, most time.Duration) string {
	return duration(field, least, most, true)
}

func duration(field string, least, most time.Duration, whole bool) string {
	wrong := outside(least, most)
	if whole {
		wrong += ` || $d % 1000000 != 0`
	}
	return "let d = this.parse_duration().catch(null)\n" + rule(field, wrong, durations(least, most, whole))
}

func outside(least, most time.Duration) string {
	wrong := fmt.Sprintf(`$d == null || $d < %d`, least.Nanoseconds())
	if most > 0 {
		wrong += fmt.Sprintf(` || $d > %d`, most.Nanoseconds())
	}
	return wrong
}

func durations(least, most time.Duration, whole bool) string {
	text := "a duration such as 500ms, 10s, 5m or 48h"
	if whole {
		text = "whole milliseconds, such as 500ms, 10s, 5m or 48h"
	}
	if most > 0 {
		return fmt.Sprintf("%s, from %s to %s", text, short(least), short(most))
	}
	return fmt.Sprintf("%s, at least %s", text, short(least))
}

// short returns a duration without its zero parts: 24h, not 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func oneOf(values []string) string {
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}
