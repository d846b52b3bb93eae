package influxdb

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// recorder is a metrics exporter that keeps what was counted, by name.
type recorder struct {
	mu    sync.Mutex
	sums  map[string]int64 // of counters, and how many timings
	last  map[string]int64 // of gauges
	most  map[string]int64
	least map[string]int64
	times map[string][]time.Duration
}

func newRecorder() *recorder {
	return &recorder{
		sums: map[string]int64{}, last: map[string]int64{}, most: map[string]int64{}, least: map[string]int64{},
		times: map[string][]time.Duration{},
	}
}

type gaugeRecorder struct {
	*recorder
	name string
}

func (r gaugeRecorder) Set(value int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last[r.name] = value
	r.most[r.name] = max(r.most[r.name], value)
	r.least[r.name] = min(r.least[r.name], value)
}

type counterRecorder gaugeRecorder

func (r counterRecorder) Incr(n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sums[r.name] += n
}

func (r counterRecorder) Timing(ns int64) {
	r.Incr(1)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times[r.name] = append(r.times[r.name], time.Duration(ns))
}

func (r *recorder) NewGaugeCtor(name string, _ ...string) service.MetricsExporterGaugeCtor {
	return func(...string) service.MetricsExporterGauge { return gaugeRecorder{r, name} }
}

func (r *recorder) NewCounterCtor(name string, _ ...string) service.MetricsExporterCounterCtor {
	return func(...string) service.MetricsExporterCounter { return counterRecorder{r, name} }
}

func (r *recorder) NewTimerCtor(name string, _ ...string) service.MetricsExporterTimerCtor {
	return func(...string) service.MetricsExporterTimer { return counterRecorder{r, name} }
}

func (r *recorder) Close(context.Context) error { return nil }

// TestMetricsAddUp breaks if what an exporter is told of a stream is not what has
// happened in it: above all the gauges, since those of Benthos forget their value
// from one call to the next.
func TestMetricsAddUp(t *testing.T) {
	lines := linesOf(0, 1000)
	fake := influxfake.New(influxfake.Options{
		Refuse: conflict(lines[17], lines[500]),
		Fault: func(n int, _ []string) influxfake.Fault {
			return influxfake.Fault{Delay: ms, Status: map[bool]int{true: 503}[n == 3]}
		},
	})
	address, stop := fake.Listen()
	defer stop()
	metrics := newRecorder()
	run := recorded(t, metrics, "influxdb: { url: '"+address+"', org: org, bucket: bucket, backoff: { initial_interval: 10ms }, rejected: { drop: {} } }")
	run(func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
		var wait sync.WaitGroup
		for _, batch := range batches(lines, 10) {
			wait.Go(func() {
				if err := produce(ctx, batch); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
	})
	requests := int64(len(fake.Requests()))
	for name, want := range map[string]int64{
		"influxdb_points_written":  998,
		"influxdb_points_rejected": 2,
		"influxdb_retries":         1,
	} {
		if got := metrics.sums[name]; got != want {
			t.Errorf("%s is %d, want %d", name, got, want)
		}
	}
	// Beside those with points there are some that try the connection.
	if got := metrics.sums["influxdb_requests"]; got < requests || metrics.sums["influxdb_request_latency_ns"] != got {
		t.Errorf("%d requests and %d latencies are counted of %d", got, metrics.sums["influxdb_request_latency_ns"], requests)
	}
	if metrics.sums["influxdb_points_sent"] < 1000 || metrics.sums["influxdb_splits"] < 1 || metrics.sums["influxdb_bytes_raw"] < 10_000 || metrics.sums["influxdb_bytes_sent"] == 0 {
		t.Errorf("counted: %v", metrics.sums)
	}
	for _, name := range []string{"influxdb_points_waiting", "influxdb_requests_in_flight"} {
		if metrics.last[name] != 0 || metrics.least[name] < 0 || metrics.most[name] < 1 {
			t.Errorf("%s is %d in the end, %d to %d before", name, metrics.last[name], metrics.least[name], metrics.most[name])
		}
	}
	if metrics.most["influxdb_points_waiting"] < 20 {
		t.Errorf("at most %d points have waited", metrics.most["influxdb_points_waiting"])
	}
}

// recorded makes a stream with an output, whose metrics go to a recorder. What is
// returned runs it until feed returns.
func recorded(t *testing.T, metrics *recorder, output string) func(feed func(context.Context, service.MessageBatchHandlerFunc)) {
	t.Helper()
	env := service.NewEnvironment()
	err := env.RegisterMetricsExporter("recorder", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) {
		return metrics, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	builder := env.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.DiscardHandler))
	produce, err := builder.AddBatchProducerFunc()
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		builder.SetMetricsYAML("recorder: {}"),
		builder.AddOutputYAML(output),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	return func(feed func(context.Context, service.MessageBatchHandlerFunc)) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		go func() {
			feed(ctx, produce)
			_ = s.StopWithin(10 * time.Second)
		}()
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
	}
}

// metricsOf gives what a component is given to make its metrics, with a recorder
// behind it.
func metricsOf(t *testing.T, metrics *recorder) (given *service.Metrics) {
	t.Helper()
	env := service.NewEnvironment()
	errGiven := errors.New("the metrics are given")
	for _, err := range []error{
		env.RegisterMetricsExporter("recorder", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) {
			return metrics, nil
		}),
		env.RegisterBatchOutput("taker", service.NewConfigSpec(), func(_ *service.ParsedConfig, mgr *service.Resources) (service.BatchOutput, service.BatchPolicy, int, error) {
			given = mgr.Metrics()
			return nil, service.BatchPolicy{}, 0, errGiven
		}),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	builder := env.NewStreamBuilder()
	builder.SetLogger(slog.New(slog.DiscardHandler))
	if err := builder.SetYAML("input: { generate: { count: 1, mapping: root = 1 } }\noutput: { taker: {} }\nmetrics: { recorder: {} }"); err != nil {
		t.Fatal(err)
	}
	s, err := builder.Build()
	if err == nil {
		err = s.Run(t.Context())
	}
	if given == nil {
		t.Fatalf("no metrics: %v", err)
	}
	return given
}
