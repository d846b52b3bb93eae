package deadletter_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// If this fails, replays of a record that fails again and again are not counted, so it is
// never parked; or a header of its own is lost.
func TestReplaysAreCounted(t *testing.T) {
	own := deadletter.Header{Name: "a", Value: []byte("1")}
	count := func(text string) deadletter.Header {
		return deadletter.Header{Name: deadletter.ReplaysHeader, Value: []byte(text)}
	}
	for _, test := range []struct {
		name    string
		headers []deadletter.Header
		replays int64
		next    string
	}{
		{"never", []deadletter.Header{own}, 0, "1"},
		{"once", []deadletter.Header{count("1"), own}, 1, "2"},
		{"of several the last", []deadletter.Header{count("7"), own, count("9")}, 9, "10"},
		{"no number", []deadletter.Header{count("-x"), own}, 0, "1"},
		{"four digits are no binary number", []deadletter.Header{own, count("1234")}, 1234, "1235"},
		{"the largest", []deadletter.Header{own, count("9223372036854775807")}, 9223372036854775807, "9223372036854775807"},
	} {
		r := deadletter.Record{Headers: test.headers}
		if got := r.Replays(); got != test.replays {
			t.Errorf("%s: %d replays, want %d", test.name, got, test.replays)
		}
		next := r.Replayed()
		if diff := cmp.Diff([]deadletter.Header{own, count(test.next)}, next.Headers); diff != "" {
			t.Errorf("%s: -want +got:\n%s", test.name, diff)
		}
	}
}
