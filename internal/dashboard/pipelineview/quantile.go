package pipelineview

import (
	"maps"
	"math"
	"slices"
)

// quantile estimates a quantile of a histogram, from bucket bounds to the number
// of observations at most that large, as Prometheus does: within a bucket
// observations are taken to be spread evenly. Above the largest bound nothing is
// known but that, so that bound is given. It is NaN without observations.
func quantile(q float64, cumulative map[float64]float64) float64 {
	bounds := slices.Sorted(maps.Keys(cumulative))
	if len(bounds) == 0 {
		return math.NaN()
	}
	all := cumulative[bounds[len(bounds)-1]]
	if all <= 0 {
		return math.NaN()
	}
	rank := q * all
	var below, lower float64
	for _, bound := range bounds {
		// Counts of processes that were read at different moments need not grow.
		count := max(cumulative[bound], below)
		if count >= rank && count > below {
			if math.IsInf(bound, 1) {
				return lower
			}
			return lower + (bound-lower)*(rank-below)/(count-below)
		}
		below, lower = count, bound
	}
	return lower
}
