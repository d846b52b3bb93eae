package brandview

import (
	"math"
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
	// the net sentiment that came for an inversion. A spike after nothing at all
	// has none, 0.
	Value float64 `json:"value"`
}

const (
	// spikeBefore is how many windows tell what is usual, and spikeLeast how many
	// of them there must be.
	spikeBefore = 20
	spikeLeast  = 8
	// spikeDeviations is how many standard deviations a spike lies above the median,
	// and spikeRise by how much above the upper quartile at least: a steady stream
	// has no deviation to speak of, nor has one that comes in bursts every now and
	// then, as long as they are the smaller part.
	spikeDeviations = 6
	spikeRise       = 0.5
	// deviationOfMAD makes a standard deviation of a median absolute deviation, if
	// values are normally distributed.
	deviationOfMAD = 1.4826
	// leastTweets is how many tweets a window must have to be told of, and to count
	// as a sign of sentiment.
	leastTweets = 20

	// inversionWindows is how long a new sign must stay, and inversionNet how far
	// from 0 it must be, since a balanced stream changes its sign all the time.
	inversionWindows = 3
	inversionNet     = 0.05

	// maxMarks bounds what is shown: the newest of each kind.
	maxMarks = 24
)

// spikes finds windows whose volume lies far above that of the windows before.
// What is usual is told by median and median absolute deviation: mean and
// standard deviation would grow with the very spikes that are looked for. Windows
// that follow each other are one spike, at its peak. Those before the first
// tweet are not known to be empty, and are left out.
func spikes(start, step int64, volumes []int64) (marks []Mark) {
	begin := slices.IndexFunc(volumes, func(n int64) bool { return n > 0 })
	if begin < 0 {
		return nil
	}
	peak := int64(-1) // of the spike that goes on
	for i := begin + spikeLeast; i < len(volumes); i++ {
		before := volumes[max(begin, i-spikeBefore):i]
		median, quartile, deviation := usual(before)
		n := float64(volumes[i])
		if volumes[i] < leastTweets || n <= max(median+spikeDeviations*deviation, (1+spikeRise)*quartile) {
			peak = -1
			continue
		}
		ratio := 0.0
		if median > 0 {
			ratio = n / median
		}
		mark := Mark{Kind: Spike, Start: start + int64(i)*step, Value: ratio}
		switch {
		case peak < 0:
			marks, peak = append(marks, mark), volumes[i]
		case volumes[i] > peak:
			marks[len(marks)-1], peak = mark, volumes[i]
		}
	}
	return newest(marks)
}

// usual gives the median, the upper quartile and a robust standard deviation.
func usual(values []int64) (median, quartile, deviation float64) {
	sorted := make([]float64, len(values))
	for i, v := range values {
		sorted[i] = float64(v)
	}
	median = middle(sorted)
	quartile = sorted[len(sorted)*3/4]
	for i := range sorted {
		sorted[i] = math.Abs(sorted[i] - median)
	}
	return median, quartile, deviationOfMAD * middle(sorted)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// inversions finds where net sentiment has changed its sign and kept the new one.
// Windows with few tweets say nothing, and one near 0 ends what had begun.
func inversions(start, step int64, windows []Counts) (marks []Mark) {
	var sign, coming, stayed int
	var at int64
	var sum Counts
	for i, counts := range windows {
		if counts.Total() < leastTweets {
			continue
		}
		now := signOf(counts.Net())
		switch {
		case now == 0 || now == sign:
			coming = 0
			continue
		case now != coming:
			coming, stayed, at, sum = now, 0, start+int64(i)*step, Counts{}
		}
		sum.add(counts)
		if stayed++; stayed < inversionWindows {
			continue
		}
		if sign != 0 {
			marks = append(marks, Mark{Kind: Inversion, Start: at, Value: sum.Net()})
		}
		sign, coming = now, 0
	}
	return newest(marks)
}

func signOf(net float64) int {
	switch {
	case net >= inversionNet:
		return 1
	case net <= -inversionNet:
		return -1
	}
	return 0
}

func newest(marks []Mark) []Mark { return marks[max(0, len(marks)-maxMarks):] }
