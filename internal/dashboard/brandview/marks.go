package brandview

import (
	"cmp"
	"slices"
)

// Kinds of marks.
const (
	Spike     = "spike"     // far more tweets than before
	Inversion = "inversion" // net sentiment has changed its sign
)

// Mark is a moment worth a look.
type Mark struct {
	Kind  string `json:"kind"`
	Start int64  `json:"start"` // unix seconds: of the window, for a spike that of its peak
	// Value is the volume of the peak over the median before it for a spike, and
	// the net sentiment that came for an inversion.
	Value float64 `json:"value"`
	// Brands are those that it is about, for a spike the one with the most additional
	// tweets first. There are none where only the sum of the brands shows it.
	Brands []string `json:"brands"`
}

const (
	// leastTweets is how many tweets a window must have to be told of, and to count
	// as a sign of sentiment.
	leastTweets = 20

	// maxMarks bounds what is shown: the newest of each kind.
	maxMarks = 24
)

// series are the windows of a brand, or of several together.
type series struct {
	brand   string
	windows []Counts
}

// marksOf judges the windows that have settled, in the order of time: of each brand
// and of their sum. Inversions are those of the sum, or with apart those of each.
func marksOf(first, step int64, sum []Counts, brands []series, apart bool, head int64) []Mark {
	settled := len(sum)
	for settled > 0 && first+int64(settled)*step > head-settling {
		settled--
	}
	sum = sum[:settled]
	volumes := make([]int64, settled)
	volumesOf := func(windows []Counts) []int64 {
		for i := range volumes {
			volumes[i] = windows[i].Total()
		}
		return volumes
	}
	var found []attributed
	for _, b := range brands {
		for _, p := range spikes(first, step, volumesOf(b.windows)) {
			found = append(found, attributed{p, b.brand})
		}
	}
	marks := newest(attribute(found, spikes(first, step, volumesOf(sum)), step))
	return append([]Mark{}, inOrder(append(marks, newest(inversionsOf(first, step, sum, brands, apart))...))...)
}

func inversionsOf(first, step int64, sum []Counts, brands []series, apart bool) (marks []Mark) {
	if !apart {
		of := []string{}
		if len(brands) == 1 {
			of = append(of, brands[0].brand)
		}
		return inversions(first, step, sum, of)
	}
	for _, b := range brands {
		marks = append(marks, inversions(first, step, b.windows[:len(sum)], []string{b.brand})...)
	}
	return inOrder(marks)
}

func inOrder(marks []Mark) []Mark {
	slices.SortStableFunc(marks, func(a, b Mark) int { return cmp.Compare(a.Start, b.Start) })
	return marks
}

func newest(marks []Mark) []Mark { return marks[max(0, len(marks)-maxMarks):] }
