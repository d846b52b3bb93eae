package pipelineview

import (
	"math"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
)

// scrape is what a process says of itself at a moment.
type scrape struct {
	at       time.Time
	counters map[string]point // by series
	gauges   [numGauges]float64
	known    [numGauges]bool
	timers   [numTimers]map[string]map[float64]float64 // by series: bucket bound to count, cumulative
	// quantiles are those of summaries in seconds, at 0.5 and 0.99, where the
	// process has no histograms; the largest of its series.
	quantiles  [numTimers][2]float64
	schemas    []string        // ids of those that records wait for
	components map[string]bool // prefixes of the metrics that there are
	skews      skews
	cpu        float64 // seconds; unknown without process metrics
}

// counts reports whether the process counts something, even if that is 0.
func (s *scrape) counts(c counter) bool {
	for _, p := range s.counters {
		if p.counter == c {
			return true
		}
	}
	component, ok := components[c]
	return ok && s.components[component]
}

// point is a counter's series.
type point struct {
	counter counter
	reason  string // of a refusal
	value   float64
}

// pick takes what the view needs.
func pick(families map[string]*dto.MetricFamily) *scrape {
	s := &scrape{counters: map[string]point{}, components: map[string]bool{}, skews: newSkews(), cpu: unknown}
	for i := range s.timers {
		s.timers[i] = map[string]map[float64]float64{}
	}
	for name, family := range families {
		for _, prefix := range components {
			if strings.HasPrefix(name, prefix) {
				s.components[prefix] = true
			}
		}
		for _, metric := range family.GetMetric() {
			labels := labelsOf(metric)
			key := name + "\xff" + keyOf(metric)
			if c, ok := counters[name]; ok {
				s.counters[key] = point{counter: c, reason: labels["reason"], value: valueOf(metric)}
			}
			if name == outputSent && deadLabels[labels["label"]] {
				s.counters[key] = point{counter: deadLetters, value: valueOf(metric)}
			}
			if g, ok := gauges[name]; ok {
				s.gauge(g, valueOf(metric))
			}
			if name == schemaWaiting && valueOf(metric) > 0 {
				s.schemas = append(s.schemas, labels["schema"])
			}
			if name == cpuSeconds {
				s.cpu = valueOf(metric)
			}
			s.skews.pick(name, labels, valueOf(metric))
			if t, ok := timers[name]; ok {
				s.timer(t, key, metric)
			}
		}
	}
	return s
}

// gauge adds up those of partitions and outputs.
func (s *scrape) gauge(g gauge, value float64) {
	s.known[g] = true
	if largest[g] {
		s.gauges[g] = max(s.gauges[g], value)
		return
	}
	s.gauges[g] += value
}

func (s *scrape) timer(t timer, key string, metric *dto.Metric) {
	if histogram := metric.GetHistogram(); histogram != nil {
		buckets := map[float64]float64{math.Inf(1): float64(histogram.GetSampleCount())}
		for _, b := range histogram.GetBucket() {
			buckets[b.GetUpperBound()] = float64(b.GetCumulativeCount())
		}
		s.timers[t][key] = buckets
	}
	// Benthos's summaries are in nanoseconds.
	for _, q := range metric.GetSummary().GetQuantile() {
		seconds := q.GetValue() / 1e9
		switch q.GetQuantile() {
		case 0.5:
			s.quantiles[t][0] = larger(s.quantiles[t][0], seconds)
		case 0.99:
			s.quantiles[t][1] = larger(s.quantiles[t][1], seconds)
		}
	}
}

// larger ignores NaN, which a summary without observations has.
func larger(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

func valueOf(m *dto.Metric) float64 {
	v := m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetUntyped().GetValue()
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

func labelsOf(m *dto.Metric) map[string]string {
	labels := make(map[string]string, len(m.GetLabel()))
	for _, l := range m.GetLabel() {
		labels[l.GetName()] = l.GetValue()
	}
	return labels
}

func keyOf(m *dto.Metric) string {
	var key strings.Builder
	for _, l := range m.GetLabel() {
		key.WriteString(l.GetName())
		key.WriteByte('\xfe')
		key.WriteString(l.GetValue())
		key.WriteByte('\xff')
	}
	return key.String()
}
