package hotkey

// SkewFrom returns the share of the records above which one of n parts, such as the
// partitions of a topic, has too many: halfway between a fair share and all. A single
// part never has.
func SkewFrom(n int) float64 { return (1 + 1/float64(max(1, n))) / 2 }
