package tweetgen

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"
)

// If this fails, ids are not the text of their 128 bits, and two of them can be equal.
func TestIDsAreTheTextOfTheirBits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		high, low := rapid.Uint64().Draw(t, "high"), rapid.Uint64().Draw(t, "low")
		var got [uuidBytes]byte
		putUUID(got[:], high, low)
		digits := fmt.Sprintf("%016x%016x", high, low)
		want := digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
		if string(got[:]) != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	})
}
