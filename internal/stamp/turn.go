//go:build !mutant_random_slot

package stamp

// turn is the place of an offset among the S of a resolution. It depends on the
// offset alone, so that what is read again gets the same one.
func (l Law) turn(offset int64) int64 { return offset % l.slots }
