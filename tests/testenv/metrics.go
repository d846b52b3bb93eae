package testenv

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// Get requests a path, e.g. /ready, from the program's HTTP server, and returns the
// body. A status of 400 or more is an error.
func (p *Program) Get(ctx context.Context, path string) ([]byte, error) {
	return get(ctx, p.address, path)
}

func get(ctx context.Context, address, path string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode >= 400 {
		err = fmt.Errorf("%s gave %s: %s", path, response.Status, bytes.TrimSpace(body))
	}
	return body, err
}

// Ready waits until the program's inputs and outputs are connected.
func (p *Program) Ready(t testing.TB, timeout time.Duration) {
	t.Helper()
	Eventually(t, timeout, "the program is ready", func() error {
		if !p.child.Running() {
			t.Fatalf("the program has ended:\n%s", p.child.Tail(20))
		}
		_, err := p.Get(t.Context(), "/ready")
		return err
	})
}

// Metrics are the metrics in the program's /metrics, by name.
type Metrics map[string]*dto.MetricFamily

// Metrics reads all metrics.
func (p *Program) Metrics(ctx context.Context) (Metrics, error) { return MetricsOf(ctx, p.address) }

// MetricsOf reads the metrics of a program that listens on the address, HOST:PORT.
func MetricsOf(ctx context.Context, address string) (Metrics, error) {
	body, err := get(ctx, address, "/metrics")
	if err != nil {
		return nil, fmt.Errorf("reading the metrics: %w", err)
	}
	parser := expfmt.NewTextParser(model.UTF8Validation)
	return parser.TextToMetricFamilies(bytes.NewReader(body))
}

// Sum adds up the counters and gauges of a name with the labels, given as name, value,
// name, value. It is 0 if there are none.
func (m Metrics) Sum(name string, labels ...string) float64 {
	var sum float64
	for _, metric := range m[name].GetMetric() {
		has := map[string]string{}
		for _, label := range metric.GetLabel() {
			has[label.GetName()] = label.GetValue()
		}
		fits := true
		for i := 0; i+1 < len(labels); i += 2 {
			fits = fits && has[labels[i]] == labels[i+1]
		}
		if fits {
			sum += metric.GetCounter().GetValue() + metric.GetGauge().GetValue() + metric.GetUntyped().GetValue()
		}
	}
	return sum
}
