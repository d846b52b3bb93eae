package brandview

const (
	// inversionWindows is how long a new sign must stay, and inversionNet how far
	// from 0 it must be, since a balanced stream changes its sign all the time.
	inversionWindows = 3
	inversionNet     = 0.05
)

// inversions finds where the net sentiment of brands has changed its sign and kept the
// new one.
// Windows with few tweets say nothing, and one near 0 ends what had begun.
func inversions(start, step int64, windows []Counts, brands []string) (marks []Mark) {
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
			marks = append(marks, Mark{Kind: Inversion, Start: at, Value: sum.Net(), Brands: brands})
		}
		sign, coming = now, 0
	}
	return marks
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
