package deadletter

import "slices"

// Filter selects letters. The zero value selects all.
type Filter struct {
	Reasons    []string // any of them
	Topics     []string // of the origin, any of them
	Partitions []int32  // of the origin, any of them
	// Offsets, if not nil, are the first and the last offset of the origin.
	Offsets *[2]int64
	// Since and Before, if not nil, bound the letter's own timestamp in milliseconds:
	// from Since, before Before.
	Since, Before *int64
}

// Selects reports whether a letter is selected. A letter of a record batch has all
// offsets of the batch.
func (f *Filter) Selects(l *Letter) bool {
	switch {
	case len(f.Reasons) > 0 && !slices.Contains(f.Reasons, l.Reason),
		len(f.Topics) > 0 && !slices.Contains(f.Topics, l.Origin.Topic),
		len(f.Partitions) > 0 && !slices.Contains(f.Partitions, l.Origin.Partition),
		f.Since != nil && l.Timestamp < *f.Since,
		f.Before != nil && l.Timestamp >= *f.Before:
		return false
	}
	if f.Offsets == nil {
		return true
	}
	return l.Origin.Offset != Unknown && l.Origin.Offset <= f.Offsets[1] && max(l.Origin.Offset, l.Origin.LastOffset) >= f.Offsets[0]
}
