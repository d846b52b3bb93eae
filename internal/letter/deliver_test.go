package letter

import (
	"errors"
	"testing"
)

// TestLetterIsCutForItsSizeAlone breaks if a letter is cut because an output is slow or
// has too much to do.
func TestLetterIsCutForItsSizeAlone(t *testing.T) {
	for words, want := range map[string]bool{
		"MESSAGE_TOO_LARGE": true,
		"Request was larger than the server allows: 1048576 bytes": true,
		"the size of the message exceeds the maximum of 262144":    true,
		"write: message too long":                                  true,
		"Request Entity Too Large":                                 true,
		"context deadline exceeded":                                false,
		"message timeout exceeded":                                 false,
		"request rate exceeds the limit of 1000 messages/s":        false,
		"the request took too long":                                false,
		"exceeds quota of the account":                             false,
	} {
		if got := tooLarge(errors.New(words)); got != want {
			t.Errorf("%q: %v", words, got)
		}
	}
}
