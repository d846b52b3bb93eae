package brandview

import (
	"cmp"
	"math"
	"slices"
)

const (
	// spikeBefore is how many windows tell what is usual. At least spikeLeast
	// and more than half of them must have tweets: else the start of a feed, or of one
	// that had paused, would be a spike.
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
)

// peak is the highest window of a spike.
type peak struct {
	start  int64
	volume int64
	usual  float64 // the median before it, above 0
}

// excess is by how many tweets it is above the usual.
func (p peak) excess() float64 { return float64(p.volume) - p.usual }

// spikes finds windows whose volume lies far above that of the windows before.
// What is usual is told by median and median absolute deviation: mean and
// standard deviation would grow with the very spikes that are looked for. Windows
// that follow each other are one spike, at its peak. Those before the first
// tweet are not known to be empty, and are left out.
func spikes(start, step int64, volumes []int64) (peaks []peak) {
	begin := slices.IndexFunc(volumes, func(n int64) bool { return n > 0 })
	if begin < 0 {
		return nil
	}
	rising := false // the window before belongs to the last of the peaks
	for i := begin + spikeLeast; i < len(volumes); i++ {
		median, ok := unusual(volumes[max(begin, i-spikeBefore):i], volumes[i])
		if !ok {
			rising = false
			continue
		}
		p := peak{start: start + int64(i)*step, volume: volumes[i], usual: median}
		switch {
		case !rising:
			peaks, rising = append(peaks, p), true
		case p.volume > peaks[len(peaks)-1].volume:
			peaks[len(peaks)-1] = p
		}
	}
	return peaks
}

// unusual reports whether a window has far more tweets than those before it, and their
// median. Most windows do not, and cost no sorting.
func unusual(before []int64, volume int64) (median float64, ok bool) {
	if volume < leastTweets {
		return 0, false
	}
	n := float64(volume)
	active, near := 0, 0 // windows with tweets, and with so many that n is no spike above them
	for _, v := range before {
		if v > 0 {
			active++
		}
		if n <= (1+spikeRise)*float64(v) {
			near++
		}
	}
	// The quartile is the element at 3/4 of the sorted ones: it is among the near ones
	// if there are as many as from there to the end.
	if active < spikeLeast || 2*active <= len(before) || near >= len(before)-len(before)*3/4 {
		return 0, false
	}
	median, deviation := usual(before)
	return median, n > median+spikeDeviations*deviation
}

// usual gives the median and a robust standard deviation.
func usual(values []int64) (median, deviation float64) {
	sorted := make([]float64, len(values))
	for i, v := range values {
		sorted[i] = float64(v)
	}
	median = middle(sorted)
	for i := range sorted {
		sorted[i] = math.Abs(sorted[i] - median)
	}
	return median, deviationOfMAD * middle(sorted)
}

func middle(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	if n%2 == 1 {
		return values[n/2]
	}
	return (values[n/2-1] + values[n/2]) / 2
}

// attributed is a peak of a brand.
type attributed struct {
	peak
	brand string
}

// attribute makes marks of the peaks of brands. Those in the same window or in
// neighbouring ones are one mark, at the peak with the most additional tweets. Peaks of
// the sum are marks where no brand has one.
func attribute(found []attributed, sum []peak, step int64) (marks []Mark) {
	slices.SortStableFunc(found, func(a, b attributed) int { return cmp.Compare(a.start, b.start) })
	for i := 0; i < len(found); {
		end := i + 1
		for end < len(found) && found[end].start-found[end-1].start <= step {
			end++
		}
		group := found[i:end]
		slices.SortStableFunc(group, func(a, b attributed) int { return cmp.Compare(b.excess(), a.excess()) })
		mark := markOf(group[0].peak)
		for _, p := range group {
			if !slices.Contains(mark.Brands, p.brand) {
				mark.Brands = append(mark.Brands, p.brand)
			}
		}
		marks = append(marks, mark)
		i = end
	}
	for _, p := range sum {
		near := func(m Mark) bool { return max(m.Start-p.start, p.start-m.Start) <= step }
		if !slices.ContainsFunc(marks, near) {
			marks = append(marks, markOf(p))
		}
	}
	return inOrder(marks)
}

func markOf(p peak) Mark {
	return Mark{Kind: Spike, Start: p.start, Value: float64(p.volume) / p.usual, Brands: []string{}}
}
