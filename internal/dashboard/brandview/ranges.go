package brandview

import (
	"time"
)

// Range is how far back a view looks, and in windows of what length.
type Range struct {
	Name    string
	Step    int64 // seconds
	Windows int   // the newest of which is still filling

	// again is how often windows that are older than the base are asked for
	// again: tweets may come late.
	again time.Duration
}

// Ranges are all there are, the shortest first.
var Ranges = []Range{
	{Name: "1m", Step: 1, Windows: 60},
	{Name: "15m", Step: 5, Windows: 180},
	{Name: "1h", Step: 15, Windows: 240, again: time.Minute},
	{Name: "6h", Step: 60, Windows: 360, again: 5 * time.Minute},
	{Name: "24h", Step: 300, Windows: 288, again: 15 * time.Minute},
}

// baseSeconds is how far back single seconds are kept. The newest windows of all
// ranges are added up from them, so it must be longer than the longest window,
// and it covers the ranges that have no queries of their own, with their history.
const baseSeconds = 1020

// ParseRange gives the range of a name.
func ParseRange(name string) (Range, bool) {
	for _, r := range Ranges {
		if r.Name == name {
			return r, true
		}
	}
	return Range{}, false
}

// kept is how many windows are read and kept: those that are shown, and before them
// as many as tell what is usual, so that a spike does not depend on how far it is from
// the edge of the chart.
func (r Range) kept() int { return r.Windows + spikeBefore }

// first is the start of the oldest window that is shown when the second head is the newest.
func (r Range) first(head int64) int64 {
	return r.floor(head) - int64(r.Windows-1)*r.Step
}

// floor is the start of the window that a second lies in.
func (r Range) floor(second int64) int64 { return second - mod(second, r.Step) }

// length is the seconds of all windows.
func (r Range) length() int64 { return r.Step * int64(r.Windows) }

func mod(a, b int64) int64 { return ((a % b) + b) % b }
