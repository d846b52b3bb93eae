package brandview

import (
	"errors"
	"math"
	"strconv"
	"time"
)

const (
	// ownName is the name of a range whose ends the viewer chose.
	ownName = "own"
	// ownWindows is how many windows such a range has at most, so that a long one does
	// not request more from InfluxDB than a short one.
	ownWindows = 360
	ownLeast   = 10 // seconds
	ownMost    = 366 * 86400
	// maxSecond is the last second that InfluxDB can store, less a margin for windows.
	maxSecond = math.MaxInt64/int64(time.Second) - 2*ownMost
)

// ownSteps are the lengths of windows, in seconds.
var ownSteps = []int64{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800}

// ownRange returns the range between two unix seconds, widened to whole windows, and
// its end. The windows have the length step if it is given: ranges that are compared
// must be cut alike.
func ownRange(from, to, step string) (Range, int64, error) {
	a, err := strconv.ParseInt(from, 10, 64)
	b, err2 := strconv.ParseInt(to, 10, 64)
	switch {
	case err != nil || err2 != nil || a < 0 || b < 0 || a > maxSecond || b > maxSecond:
		return Range{}, 0, errors.New("from and to must be unix seconds")
	case a >= b:
		return Range{}, 0, errors.New("a range must begin before it ends")
	case b-a < ownLeast:
		return Range{}, 0, errors.New("a range must be at least " + strconv.Itoa(ownLeast) + " seconds long")
	case b-a > ownMost:
		return Range{}, 0, errors.New("a range must be at most " + strconv.Itoa(ownMost/86400) + " days long")
	}
	for _, length := range ownSteps {
		if step != "" && step != strconv.FormatInt(length, 10) {
			continue
		}
		r := Range{Name: ownName, Step: length}
		start, end := r.floor(a), r.floor(b+length-1)
		if n := (end - start) / length; n <= ownWindows {
			r.Windows = int(n)
			return r, end, nil
		}
	}
	// The longest window suffices for the longest range.
	return Range{}, 0, errors.New("step must be a length of windows of which the range has at most " + strconv.Itoa(ownWindows))
}

// namedRange returns a range by its name and, if it ended at a second, the end of the
// window that the second is in.
func namedRange(name, until string) (Range, int64, error) {
	r, ok := ParseRange(name)
	if !ok {
		return Range{}, 0, errNoFilter
	}
	if until == "" {
		return r, 0, nil
	}
	second, err := strconv.ParseInt(until, 10, 64)
	if err != nil || second < r.length() || second > maxSecond {
		return Range{}, 0, errors.New("until must be unix seconds")
	}
	return r, r.floor(second) + r.Step, nil
}
