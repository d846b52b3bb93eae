package valuetype_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/valuetype"
)

// What would break: an error names a Go type, which a user of Bloblang cannot know.
func TestTypesAreThoseOfBloblang(t *testing.T) {
	type named []map[string]int
	for _, c := range []struct {
		value any
		want  string
	}{
		{nil, "null"}, {"x", "a string"}, {[]byte("x"), "a string"}, {true, "a boolean"},
		{json.Number("5"), "a number"}, {int64(5), "an integer"}, {uint32(5), "an integer"}, {5.0, "a float"},
		{time.Time{}, "a timestamp"}, {[]any{1}, "an array"}, {[16]byte{}, "an array"}, {named{}, "an array"},
		{map[string]any{}, "an object"}, {map[string]string{}, "an object"}, {struct{}{}, "an object"},
		{errors.New("x"), "an error"}, {func() {}, "a value of an unknown type"},
	} {
		if got := valuetype.Of(c.value); got != c.want {
			t.Errorf("%T: got %q, want %q", c.value, got, c.want)
		}
	}
}
