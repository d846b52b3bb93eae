package pipelineview

import "time"

// growth is how much a counter has grown from one reading to the next. One that
// has fallen was begun anew, by a process that was started again.
func growth(before, now float64) float64 {
	if now < before {
		return now
	}
	return now - before
}

// grown adds what a process has counted since it was read before. period is the
// time since the last reading of all: of what grew while this one could not be
// read only its part counts, else a gap would end in a rate that never was.
func grown(totals *[numCounters]float64, before, now *scrape, period time.Duration) {
	share := 1.0
	if gap := now.at.Sub(before.at); gap > period+tick {
		share = float64(period) / float64(gap)
	}
	for key, p := range now.counters {
		totals[p.counter] += share * growth(before.counters[key].value, p.value)
	}
}

// observed adds what the histograms of a process have counted since it was read
// before: observations by bucket, each in one alone.
func observed(into map[float64]float64, before, now map[string]map[float64]float64) {
	for key, buckets := range now {
		old := before[key]
		for bound, count := range buckets {
			into[bound] += growth(old[bound], count)
		}
	}
}
