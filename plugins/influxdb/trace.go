package influxdb

import (
	"fmt"
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

// traceEnvironment returns Bloblang's environment with other methods .string() and
// .format(), which append traceMark to the text that they make of null.
var traceEnvironment = sync.OnceValue(func() *bloblang.Environment {
	env := bloblang.GlobalEnvironment().WithoutMethods("string", "format")
	original, err := bloblang.Parse("root = this.string()")
	if err != nil {
		return env
	}
	// The only error is that of an invalid name.
	_ = env.RegisterMethodV2("string", bloblang.NewPluginSpec(), func(*bloblang.ParsedParams) (bloblang.Method, error) {
		return func(v any) (any, error) {
			if v == nil {
				return "null" + traceMark, nil
			}
			return original.Query(v)
		}, nil
	})
	_ = env.RegisterMethodV2("format", bloblang.NewPluginSpec().Variadic(), func(params *bloblang.ParsedParams) (bloblang.Method, error) {
		values := append([]any(nil), params.AsSlice()...)
		for i, v := range values {
			if v == nil {
				values[i] = tracedNil{}
			}
		}
		return bloblang.StringMethod(func(format string) (any, error) {
			return fmt.Sprintf(format, values...), nil
		}), nil
	})
	return env
})

// tracedNil is formatted like nil, followed by traceMark.
type tracedNil struct{}

func (tracedNil) Format(state fmt.State, verb rune) {
	_, _ = fmt.Fprintf(state, "%"+string(verb)+traceMark, nil)
}
