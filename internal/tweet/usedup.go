//go:build !mutant_trailing_bytes

package tweet

// usedUp tells whether a tweet that ends at the index end is all that b holds.
func usedUp(b []byte, end int) bool { return end == len(b) }
