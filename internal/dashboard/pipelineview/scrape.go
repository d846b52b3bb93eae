package pipelineview

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// scrapeTimeout is how long a pipeline may take to give its metrics.
	scrapeTimeout = 2 * time.Second
	// maxScrapeBytes bounds them.
	maxScrapeBytes = 8 << 20
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
	quantiles [numTimers][2]float64
}

// point is a counter's series.
type point struct {
	counter counter
	reason  string // of a refusal
	value   float64
}

// endpoint is a process with metrics.
type endpoint struct {
	url   string
	http  *http.Client
	last  *scrape // the newest that came
	error error   // of the newest try
}

func newEndpoint(address string) (*endpoint, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the address of metrics must be like http://127.0.0.1:4195/metrics, not %q", address)
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/metrics"
	}
	return &endpoint{url: u.String(), http: &http.Client{Timeout: scrapeTimeout}, error: errors.New("not asked yet")}, nil
}

// name is what people know it by.
func (e *endpoint) name() string {
	u, err := url.Parse(e.url)
	if err != nil {
		return e.url
	}
	return u.Redacted()
}

func (e *endpoint) scrape(ctx context.Context, now func() time.Time) (*scrape, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, e.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := e.http.Do(request)
	if err != nil {
		if whole := (*url.Error)(nil); errors.As(err, &whole) {
			err = whole.Err
		}
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", response.Status)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(io.LimitReader(response.Body, maxScrapeBytes))
	if err != nil {
		return nil, fmt.Errorf("reading metrics: %w", err)
	}
	s := pick(families)
	s.at = now()
	return s, nil
}

// pick takes what the view needs.
func pick(families map[string]*dto.MetricFamily) *scrape {
	s := &scrape{counters: map[string]point{}}
	for i := range s.timers {
		s.timers[i] = map[string]map[float64]float64{}
	}
	for name, family := range families {
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
			if t, ok := timers[name]; ok {
				s.timer(t, key, metric)
			}
		}
	}
	return s
}

// gauge adds up those of partitions and outputs; of ages the largest counts.
func (s *scrape) gauge(g gauge, value float64) {
	s.known[g] = true
	if g == lagSeconds {
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
