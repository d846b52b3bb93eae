package exactbench_test

import (
	"fmt"
	"maps"
	"math"
	"runtime/metrics"
	"slices"
	"time"
)

// pauses are those in which the garbage collector stopped all goroutines, two per
// cycle: until the last goroutine had stopped, and in total.
type pauses struct {
	Stopping, Total histogram
}

func (p pauses) String() string {
	return fmt.Sprintf("%d pauses for the garbage collector: %s; of these, until the goroutines had stopped: %s", p.Total.count(), p.Total, p.Stopping)
}

func gcPauses() pauses {
	samples := []metrics.Sample{{Name: "/sched/pauses/stopping/gc:seconds"}, {Name: "/sched/pauses/total/gc:seconds"}}
	metrics.Read(samples)
	return pauses{histogramOf(samples[0]), histogramOf(samples[1])}
}

func (p pauses) since(before pauses) pauses {
	return pauses{p.Stopping.since(before.Stopping), p.Total.since(before.Total)}
}

// histogram is the number of pauses up to each length.
type histogram map[time.Duration]uint64

func histogramOf(s metrics.Sample) histogram {
	h, of := histogram{}, s.Value.Float64Histogram()
	for i, n := range of.Counts {
		upper := of.Buckets[i+1]
		if math.IsInf(upper, 1) {
			upper = of.Buckets[i]
		}
		h[time.Duration(upper*float64(time.Second))] += n
	}
	return h
}

func (h histogram) since(before histogram) histogram {
	between := histogram{}
	for upper, n := range h {
		if n -= before[upper]; n > 0 {
			between[upper] = n
		}
	}
	return between
}

func (h histogram) String() string {
	var short uint64
	for upper, n := range h {
		if upper <= time.Millisecond {
			short += n
		}
	}
	return fmt.Sprintf("p50 %s, p99 %s, p99.9 %s, the longest %s, %.1f %% below 1 ms",
		h.quantile(0.5), h.quantile(0.99), h.quantile(0.999), h.quantile(1), 100*float64(short)/float64(h.count()))
}

func (h histogram) count() (n uint64) {
	for _, bucket := range h {
		n += bucket
	}
	return n
}

// quantile returns an upper bound.
func (h histogram) quantile(q float64) (upper time.Duration) {
	below, want := uint64(0), q*float64(h.count())
	for _, upper = range slices.Sorted(maps.Keys(h)) {
		if below += h[upper]; float64(below) >= want {
			break
		}
	}
	return upper
}
