package influxdb

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
)

// TestMetricsAreThoseOfTheManual breaks if the output makes a metric, or a label,
// that the manual does not know, or the other way round.
func TestMetricsAreThoseOfTheManual(t *testing.T) {
	made := metricsMade(t)
	described := map[string][]string{}
	for _, row := range tableRows(t, "Metrics") {
		name := strings.Trim(row[0], "`")
		described[name] = []string{}
		if label, _, ok := strings.Cut(row[1], ":"); ok {
			described[name] = append(described[name], strings.Trim(label, "`"))
		}
	}
	if len(made) < 10 {
		t.Fatalf("only %d metrics are made", len(made))
	}
	for name, labels := range made {
		if known, ok := described[name]; !ok || !slices.Equal(known, labels) {
			t.Errorf("%s has the labels %q, the manual says %q", name, labels, known)
		}
		delete(described, name)
	}
	for name := range described {
		t.Errorf("the manual has %s, which is not made", name)
	}
}

// TestLabelValuesAreThoseOfTheManual breaks if a class of refusals or a verdict is
// added, or renamed, and the manual does not say so.
func TestLabelValuesAreThoseOfTheManual(t *testing.T) {
	var all []string
	for v := range verdict(verdicts) {
		all = append(all, v.String())
	}
	for name, want := range map[string][]string{"influxdb_requests": all, "influxdb_points_rejected": classConstants(t)} {
		var got []string
		for _, row := range tableRows(t, "Metrics") {
			if strings.Trim(row[0], "`") == name {
				_, values, _ := strings.Cut(row[1], ": ")
				got = strings.Split(values, ", ")
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: the manual has %q, the output %q", name, got, want)
		}
	}
	var rows []string
	for _, row := range tableRows(t, "What happens to a request") {
		rows = append(rows, strings.Trim(row[3], "`"))
	}
	if slices.Sort(all); !slices.Equal(slices.Sorted(slices.Values(rows)), all) {
		t.Errorf("the manual explains the verdicts %q, the output has %q", rows, all)
	}
}

// TestMetadataIsThatOfTheManual breaks if the manual names other metadata than a
// refused point has.
func TestMetadataIsThatOfTheManual(t *testing.T) {
	var rows []string
	for _, row := range tableRows(t, "Rejected points")[:3] {
		rows = append(rows, strings.Trim(row[0], "`"))
	}
	if want := []string{contract.InfluxDBReason, contract.InfluxDBStatus, contract.InfluxDBBucket}; !slices.Equal(rows, want) {
		t.Errorf("the manual has %q, a refused point %q", rows, want)
	}
}

// TestTheManualNamesFieldsThatAreThere breaks if a section refers to a field, in
// the form name: value, that the output does not have.
func TestTheManualNamesFieldsThatAreThere(t *testing.T) {
	setting := regexp.MustCompile("`([a-z_]+): ([a-z0-9_]+)`")
	found := setting.FindAllStringSubmatch(manual(), -1)
	if len(found) < 3 {
		t.Fatalf("%d settings are named", len(found))
	}
	for _, m := range found {
		config := minimal
		if m[1] == fieldBucket {
			config = "url: http://localhost:8086\n"
		}
		if lints := lint(t, service.NewEnvironment(), config+m[1]+": "+m[2]); lints != "" {
			t.Errorf("%s: %s", m[0], lints)
		}
	}
}

// tableRows are the cells of the rows below a heading of the manual, without the
// headers of the tables.
func tableRows(t *testing.T, heading string) (rows [][]string) {
	t.Helper()
	_, text, found := strings.Cut(manual(), "\n### "+heading+"\n")
	text, _, _ = strings.Cut(text, "\n### ")
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		isHead := i+1 < len(lines) && strings.HasPrefix(lines[i+1], "|---")
		if !strings.HasPrefix(line, "| ") || isHead {
			continue
		}
		cells := strings.Split(strings.Trim(line, "|"), " |")
		for j := range cells {
			cells[j] = strings.TrimSpace(strings.Trim(cells[j], "|"))
		}
		rows = append(rows, cells)
	}
	if !found || len(rows) == 0 {
		t.Fatalf("the manual has no table below %q", heading)
	}
	return rows
}

// classConstants are the constants of that kind in refusal.go, in their order.
func classConstants(t *testing.T) (values []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "refusal.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "class") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, value)
		return true
	})
	return values
}

// metricsMade are the output's metrics with their labels, in a stream.
func metricsMade(t *testing.T) map[string][]string {
	t.Helper()
	exporter := &namesOnly{labels: map[string][]string{}}
	env := service.GlobalEnvironment().Clone()
	if err := env.RegisterMetricsExporter("names_only", service.NewConfigSpec(), func(*service.ParsedConfig, *service.Logger) (service.MetricsExporter, error) {
		return exporter, nil
	}); err != nil {
		t.Fatal(err)
	}
	fake := influxfake.New(influxfake.Options{})
	address, stop := fake.Listen()
	defer stop()
	builder := env.NewStreamBuilder()
	if err := builder.SetYAML(`
input: { generate: { count: 1, mapping: 'root = "m f=1i 1"' } }
output: { influxdb: { url: "` + address + `", org: org, bucket: bucket, rejected: { drop: {} } } }
metrics: { names_only: {} }
logger: { level: none }
`); err != nil {
		t.Fatal(err)
	}
	stream, err := builder.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	exporter.mu.Lock()
	defer exporter.mu.Unlock()
	return exporter.labels
}

// namesOnly is a metrics exporter that keeps the names of the output's metrics, and
// their labels but those that Benthos adds.
type namesOnly struct {
	mu     sync.Mutex
	labels map[string][]string
}

func (e *namesOnly) note(name string, labels []string) {
	if !strings.HasPrefix(name, "influxdb_") {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.labels[name] = slices.DeleteFunc(slices.Clone(labels), func(label string) bool {
		return slices.Contains([]string{"label", "path", "stream"}, label)
	})
	if e.labels[name] == nil {
		e.labels[name] = []string{}
	}
}

func (e *namesOnly) NewCounterCtor(name string, labels ...string) service.MetricsExporterCounterCtor {
	e.note(name, labels)
	return func(...string) service.MetricsExporterCounter { return noMetric{} }
}

func (e *namesOnly) NewTimerCtor(name string, labels ...string) service.MetricsExporterTimerCtor {
	e.note(name, labels)
	return func(...string) service.MetricsExporterTimer { return noMetric{} }
}

func (e *namesOnly) NewGaugeCtor(name string, labels ...string) service.MetricsExporterGaugeCtor {
	e.note(name, labels)
	return func(...string) service.MetricsExporterGauge { return noMetric{} }
}

func (*namesOnly) Close(context.Context) error { return nil }

type noMetric struct{}

func (noMetric) Incr(int64)   {}
func (noMetric) Decr(int64)   {}
func (noMetric) Set(int64)    {}
func (noMetric) Timing(int64) {}
