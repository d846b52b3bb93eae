package demo

import (
	"errors"
	"testing"
)

// If this fails, a demo on a slow machine fails because the ingest has not created the
// bucket at the first query, or any other error is hidden.
func TestBucketThatIsNotThereYet(t *testing.T) {
	for text, want := range map[string]bool{
		`500 Internal Server Error: failed to initialize execute state: no database`:              true, // 1.8.10
		`404 Not Found: failed to initialize execute state: could not find bucket "b"`:            true, // 2.7.12
		`401 Unauthorized: unauthorized access`:                                                   false,
		`500 Internal Server Error: failed to initialize execute state: invalid retention policy`: false,
	} {
		if got := notThereYet(errors.New("querying InfluxDB: " + text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}
