package fetch

import (
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// What would break: one record of the year 2100 makes its batch, or those before
// and behind it, seem to be new indefinitely.
func TestTimesOfRecordsThatAreNotTrue(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	hourAgo, year2100 := now.Add(-time.Hour).UnixMilli(), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	for name, test := range map[string]struct{ first, newest, want int64 }{
		"true":                      {hourAgo, hourAgo + 5, hourAgo + 5},
		"the newest in the future":  {hourAgo, year2100, hourAgo},
		"all in the future":         {year2100, year2100, now.UnixMilli()},
		"none":                      {-1, -1, now.UnixMilli()},
		"before 1970, and it knows": {-5, hourAgo, hourAgo},
	} {
		h := recordbatch.Header{FirstTimestamp: test.first, MaxTimestamp: test.newest}
		if got := writtenAt(h, now); got != test.want {
			t.Errorf("%s: written at %d, want %d", name, got, test.want)
		}
	}
}
