package topicname

import (
	"strings"
	"testing"
)

// If this fails, names that Kafka rejects pass, or others do not.
func TestValid(t *testing.T) {
	for name, want := range map[string]bool{
		"tweets": true, "a.b_c-9": true, "...": true, strings.Repeat("t", 249): true,
		"": false, ".": false, "..": false, "bad name": false, "tweets\n": false, "a/b": false, "a:1": false, "é": false, strings.Repeat("t", 250): false,
	} {
		if got := Valid(name); got != want {
			t.Errorf("%q: %v, want %v", name, got, want)
		}
	}
}
