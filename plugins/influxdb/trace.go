package influxdb

import (
	"fmt"
	"strings"
	"sync"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
)

// traceMark follows what the methods of traceEnvironment make of null.
const traceMark = "\x00\x01\x00"

// maybeNull reports whether some part of text may have been made of null: by an
// interpolation or .string(), which write null, or by .format(), which writes <nil>.
// In whatever case, since what comes next may change it.
func maybeNull(text string) bool {
	for i := range max(0, len(text)-2) {
		if text[i]|0x20 == 'n' && (text[i+1]|0x20 == 'u' || text[i+1]|0x20 == 'i') && text[i+2]|0x20 == 'l' {
			return true
		}
	}
	return false
}

// traced reports whether value, as evaluated in traceEnvironment, is text with
// something in it that was made of null. If it is another text but for that, the
// expression has looked at the text itself, and must know what it does.
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

// traceEnvironment is that of Bloblang, but for the methods that make a text of
// anything, null too: what they make of null has a mark behind it.
var traceEnvironment = sync.OnceValue(func() *bloblang.Environment {
	env := bloblang.GlobalEnvironment().WithoutMethods("string", "format")
	original, err := bloblang.Parse("root = this.string()")
	if err != nil {
		return env
	}
	// The only error is that of a name that is no name.
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

// tracedNil is written as nil is, with the mark behind it.
type tracedNil struct{}

func (tracedNil) Format(state fmt.State, verb rune) {
	_, _ = fmt.Fprintf(state, "%"+string(verb)+traceMark, nil)
}
