package influxdb

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// traceMark is what traceEnvironment appends to a text made of null.
const traceMark = "\x00\x01\x00"

// maybeNull reports whether a part of text may be made of null: an interpolation and
// .string() write null, .format() writes <nil>. Case is ignored, since the methods that
// follow may change it.
func maybeNull(text string) bool {
	for i := range max(0, len(text)-2) {
		if text[i]|0x20 == 'n' && (text[i+1]|0x20 == 'u' || text[i+1]|0x20 == 'i') && text[i+2]|0x20 == 'l' {
			return true
		}
	}
	return false
}

// traced reports whether value, evaluated in traceEnvironment, is text with a part made
// of null. If the two differ in more than the mark, the expression compares with the
// text null itself, and handles the case.
func traced(value any, text string) bool {
	again, ok := asText(value)
	return ok && strings.Contains(again, traceMark) && strings.ReplaceAll(again, traceMark, "") == text
}

func asText(value any) (text string, ok bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case []byte:
		return string(v), true
	}
	return "", false
}

// traceEnvironment returns Bloblang's environment with other methods that make text of
// null, and append traceMark to it.
var traceEnvironment = sync.OnceValue(func() *bloblang.Environment { return nullAs("null" + traceMark) })

// otherNull is no text that an expression could make of null, and differs from it in
// every character and in length, so that a part, a code or the length differs, too.
const otherNull = "\x02\x03\x04\x05\x06\x07\x0e\x0f\x10\x11\x12\x13"

// otherEnvironment is that in which null becomes otherNull, without the functions that
// give something else at each call, or count calls.
var otherEnvironment = sync.OnceValue(func() *bloblang.Environment {
	return nullAs(otherNull).WithoutFunctions("now", "timestamp_unix", "timestamp_unix_milli", "timestamp_unix_micro", "timestamp_unix_nano",
		"count", "counter", "random_int", "uuid_v4", "uuid_v7", "nanoid", "ksuid", "ulid", "snowflake_id", "fake")
})

var (
	makesText = regexp.MustCompile(`\.\s*(string|format|format_json|bytes)\s*\(`)
	namesNull = regexp.MustCompile(`(?i)"[^"\n]*(null|<nil>)[^"\n]*"`)
)

// otherOf compiles a mapping in otherEnvironment, if it could make text of null. Its
// result differs from the usual one if it depends on such text, whatever is done with
// that. nil: it makes none, it cannot be compiled there, or it names null itself, to
// compare or replace it: then only text that still has the mark is recognised.
func otherOf(source string) *bloblang.Executor {
	if !makesText.MatchString(source) || namesNull.MatchString(source) {
		return nil
	}
	other, _ := otherEnvironment().Parse(source)
	return other
}

// nullAs returns Bloblang's environment with other methods that make text of null.
func nullAs(null string) *bloblang.Environment {
	env := bloblang.GlobalEnvironment().WithoutMethods("string", "format", "format_json", "bytes")
	toText, err := bloblang.Parse("root = this.string()")
	toJSON, err2 := bloblang.Parse("root = this.v.format_json(indent: this.indent, no_indent: this.no_indent, escape_html: this.escape_html)")
	toBytes, err3 := bloblang.Parse("root = this.bytes()")
	if errors.Join(err, err2, err3) != nil {
		return env
	}
	// The only error is that of an invalid name.
	_ = env.RegisterMethodV2("string", bloblang.NewPluginSpec(), func(*bloblang.ParsedParams) (bloblang.Method, error) {
		return func(v any) (any, error) {
			if v == nil {
				return null, nil
			}
			if array, ok := v.([]any); ok && slices.Contains(array, nil) {
				array = slices.Clone(array)
				for i := range array {
					if array[i] == nil {
						array[i] = null
					}
				}
				v = array
			}
			return toText.Query(v)
		}, nil
	})
	_ = env.RegisterMethodV2("bytes", bloblang.NewPluginSpec(), func(*bloblang.ParsedParams) (bloblang.Method, error) {
		return func(v any) (any, error) {
			if v == nil {
				return []byte(null), nil
			}
			return toBytes.Query(v)
		}, nil
	})
	jsonSpec := bloblang.NewPluginSpec().
		Param(bloblang.NewStringParam("indent").Default("    ")).
		Param(bloblang.NewBoolParam("no_indent").Default(false)).
		Param(bloblang.NewBoolParam("escape_html").Default(true))
	_ = env.RegisterMethodV2("format_json", jsonSpec, func(params *bloblang.ParsedParams) (bloblang.Method, error) {
		arguments := params.AsSlice()
		return func(v any) (any, error) {
			if v == nil {
				return []byte(null), nil
			}
			return toJSON.Query(map[string]any{"v": v, "indent": arguments[0], "no_indent": arguments[1], "escape_html": arguments[2]})
		}, nil
	})
	_ = env.RegisterMethodV2("format", bloblang.NewPluginSpec().Variadic(), func(params *bloblang.ParsedParams) (bloblang.Method, error) {
		values := append([]any(nil), params.AsSlice()...)
		for i, v := range values {
			if v == nil {
				values[i] = tracedNil{null}
			}
		}
		return bloblang.StringMethod(func(format string) (any, error) {
			return fmt.Sprintf(format, values...), nil
		}), nil
	})
	return env
}

// tracedNil is formatted like nil followed by traceMark, or as another text.
type tracedNil struct{ null string }

func (n tracedNil) Format(state fmt.State, verb rune) {
	if n.null == otherNull {
		_, _ = io.WriteString(state, otherNull)
		return
	}
	_, _ = fmt.Fprintf(state, "%"+string(verb)+traceMark, nil)
}
