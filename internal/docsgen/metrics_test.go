package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/metric"
)

// If this fails, a plugin has a metric that it does not declare, so the metric is in no
// table.
func TestPluginsMakeMetricsFromDeclarationsOnly(t *testing.T) {
	files, made := 0, 0
	err := filepath.WalkDir("../../plugins", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			switch x, _ := call.X.(*ast.Ident); call.Sel.Name {
			case "NewCounter", "NewGauge":
				t.Errorf("%s makes a metric that is not declared", set.Position(n.Pos()))
			case "NewTimer":
				if x == nil || x.Name != "time" {
					t.Errorf("%s makes a metric that is not declared", set.Position(n.Pos()))
				}
			case "New":
				if x != nil && strings.HasPrefix(x.Name, "metric") && x.Name != "metrics" {
					made++
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	declared := 0
	for _, c := range ownMetrics() {
		declared += len(c.metrics)
	}
	if files < 50 || made != declared {
		t.Errorf("%d files make %d metrics, declared are %d", files, made, declared)
	}
}

var metricName = regexp.MustCompile(`^[a-z][a-z0-9_]*[a-z0-9]$`)

// If this fails, the name of a metric does not follow Prometheus's rules or begin with
// its component, or a label has unbounded values, each of which is a series.
func TestMetricsAreDescribed(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range slices.Concat(ownMetrics(), stockMetrics()) {
		if len(c.metrics) == 0 {
			t.Errorf("%s has no metrics", c.component)
		}
		own := slices.ContainsFunc(ownMetrics(), func(o componentMetrics) bool { return o.component == c.component })
		for _, m := range c.metrics {
			if !metricName.MatchString(m.Name) || seen[m.Name] {
				t.Errorf("%s is not a valid name, or is declared twice", m.Name)
			}
			seen[m.Name] = true
			if own && !strings.HasPrefix(m.Name, c.component+"_") {
				t.Errorf("%s of %s is not named after it", m.Name, c.component)
			}
			if m.Help == "" || strings.HasSuffix(m.Help, ".") {
				t.Errorf("%s is not described, or by a sentence: %q", m.Name, m.Help)
			}
			if m.Unit == "" && m.Type != metric.TypeGauge {
				t.Errorf("%s has no unit", m.Name)
			}
			if m.Type == metric.TypeHistogram && !strings.HasSuffix(m.Name, "_latency_ns") {
				t.Errorf("%s is a timer, and does not end in _latency_ns", m.Name)
			}
			for _, l := range m.Labels {
				if l.Name == "" || (len(l.Values) == 0) == (l.Of == "") || slices.Contains([]string{"label", "path", "stream"}, l.Name) {
					t.Errorf("%s has the label %+v without a bound, or of Benthos", m.Name, l)
				}
			}
		}
	}
}

// If this fails, the page of a component lacks its metrics, or shows the placeholder.
func TestManualsHaveTheirMetrics(t *testing.T) {
	for _, c := range shipped(t) {
		if strings.Contains(c.Description, metric.Placeholder) {
			t.Errorf("%s shows the placeholder", c.Name)
		}
		for _, of := range ownMetrics() {
			for _, m := range of.metrics {
				if of.component == c.Name && of.kind == c.Type && !strings.Contains(c.Description, "| `"+m.Name+"` |") {
					t.Errorf("the manual of %s lacks %s", c.Name, m.Name)
				}
			}
		}
	}
	for _, m := range ownMetrics() {
		if len(m.metrics) == 0 {
			t.Errorf("%s declares nothing", m.component)
		}
	}
	if len(ownMetrics()) != len(plugins) {
		t.Errorf("%d components have metrics, of %d plugins", len(ownMetrics()), len(plugins))
	}
}
