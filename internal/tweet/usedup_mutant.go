//go:build mutant_trailing_bytes

package tweet

// usedUp breaks the rule that a tweet has all bytes of its record: it lets what
// comes behind it pass, so that records of another schema are counted. It exists
// to show that the fault laboratory notices, see tests/faultlab/mutants.
func usedUp([]byte, int) bool { return true }
