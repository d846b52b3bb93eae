//go:build mutant_random_slot

package stamp

import "math/rand/v2"

// turn breaks the rule that a slot depends on the place in Kafka alone: it draws
// one, so that points are unique, and doubled when they are read again. It exists
// to show that the fault laboratory notices, see tests/faultlab/mutants.
func (l Law) turn(int64) int64 { return rand.Int64N(l.slots) }
