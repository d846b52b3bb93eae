package pipelineview

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestQuantile(t *testing.T) {
	inf := math.Inf(1)
	for name, c := range map[string]struct {
		q       float64
		buckets map[float64]float64
		want    float64
	}{
		"nothing":              {0.5, nil, math.NaN()},
		"no observations":      {0.5, map[float64]float64{1: 0, inf: 0}, math.NaN()},
		"in one bucket":        {0.5, map[float64]float64{1: 0, 2: 10, inf: 10}, 1.5},
		"between two":          {0.5, map[float64]float64{1: 5, 2: 10, inf: 10}, 1},
		"above the last":       {0.99, map[float64]float64{1: 5, 2: 6, inf: 100}, 2},
		"a reading that falls": {0.99, map[float64]float64{1: 10, 2: 9, inf: 10}, 0.99},
	} {
		if got := quantile(c.q, c.buckets); got != c.want && !(math.IsNaN(got) && math.IsNaN(c.want)) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

// A quantile lies in the bucket that the true one lies in.
func TestQuantileLiesInItsBucket(t *testing.T) {
	bounds := []float64{0.01, 0.1, 0.5, 1, 5}
	rapid.Check(t, func(t *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		values := make([]float64, rapid.IntRange(1, 500).Draw(t, "values"))
		buckets := map[float64]float64{math.Inf(1): float64(len(values))}
		for _, bound := range bounds {
			buckets[bound] = 0
		}
		for i := range values {
			values[i] = random.ExpFloat64() / 2
			for _, bound := range bounds {
				if values[i] <= bound {
					buckets[bound]++
				}
			}
		}
		slices.Sort(values)
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		exact := values[min(len(values)-1, max(0, int(math.Ceil(q*float64(len(values))))-1))]
		i, _ := slices.BinarySearch(bounds, exact)
		lower, upper := 0.0, bounds[len(bounds)-1]
		if i > 0 {
			lower = bounds[i-1]
		}
		if i < len(bounds) {
			upper = bounds[i]
		}
		if got := quantile(q, buckets); got < lower-1e-9 || got > upper+1e-9 {
			t.Fatalf("%v, want one from %v to %v, where %v lies", got, lower, upper, exact)
		}
	})
}
