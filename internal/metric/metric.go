// Package metric declares the metrics of a component once: its constructor creates them
// from the declaration, and the manual is generated from it.
package metric

import (
	"fmt"
	"strings"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// Type is Prometheus's type of a metric; for a Histogram, with use_histogram_timing in
// the config.
type Type string

// The types of Benthos, which calls a Histogram a timer.
const (
	TypeCounter   Type = "counter"
	TypeGauge     Type = "gauge"
	TypeHistogram Type = "histogram"
)

// Description describes a metric in the manual.
type Description struct {
	Name   string
	Type   Type
	Unit   string // unit: points, bytes, seconds
	Labels []Label
	Help   string // in Markdown, without a full stop
}

// Label is a label of a metric, besides those that Benthos adds. It has few values,
// since each is a series: either Values, or one for each of what Of names.
type Label struct {
	Name   string
	Values []string
	Of     string
}

// OneOf returns a label with exactly these values.
func OneOf(name string, values ...string) Label { return Label{Name: name, Values: values} }

// Of returns a label with one value for each of something.
func Of(name, of string) Label { return Label{Name: name, Of: of} }

func (l Label) String() string {
	if l.Of != "" {
		return fmt.Sprintf("`%s`: %s", l.Name, l.Of)
	}
	return fmt.Sprintf("`%s`: %s", l.Name, strings.Join(l.Values, ", "))
}

// Set is the metrics of a component, in the order of their declaration. The zero value
// is empty.
//
// Declare metrics in package variables, and use no variable that is declared later in a
// declaration: Go would initialize it out of order.
type Set struct{ all []Description }

// All returns the descriptions.
func (s *Set) All() []Description { return s.all }

// Counter declares a counter.
func (s *Set) Counter(name, unit, help string, labels ...Label) Counter {
	return Counter{s.add(name, TypeCounter, unit, help, labels)}
}

// Gauge declares a gauge.
func (s *Set) Gauge(name, unit, help string, labels ...Label) Gauge {
	return Gauge{s.add(name, TypeGauge, unit, help, labels)}
}

// Timer declares a timer, which takes nanoseconds and is shown in seconds.
func (s *Set) Timer(name, help string, labels ...Label) Timer {
	return Timer{s.add(name, TypeHistogram, "seconds", help, labels)}
}

func (s *Set) add(name string, of Type, unit, help string, labels []Label) Description {
	d := Description{name, of, unit, labels, help}
	s.all = append(s.all, d)
	return d
}

// Placeholder is replaced by the metrics in a component's manual.
const Placeholder = "{{ metrics }}"

// Manual returns a component's manual with its metrics in the place of Placeholder.
func (s *Set) Manual(text string) string {
	return strings.Replace(text, Placeholder, s.table(), 1)
}

// table returns the metrics for the manual of their component.
func (s *Set) table() string {
	var b strings.Builder
	b.WriteString("| name | labels | what |\n|---|---|---|")
	for _, d := range s.all {
		fmt.Fprintf(&b, "\n| `%s` | %s | %s |", d.Name, d.LabelList(), d.Help)
	}
	return b.String()
}

// LabelList returns the labels as text, or "".
func (d Description) LabelList() string {
	var list []string
	for _, l := range d.Labels {
		list = append(list, l.String())
	}
	return strings.Join(list, "; ")
}

func (d Description) labelNames() []string {
	var names []string
	for _, l := range d.Labels {
		names = append(names, l.Name)
	}
	return names
}

// Counter is a declared counter.
type Counter struct{ Description }

// New creates the counter.
func (c Counter) New(m *service.Metrics) *service.MetricCounter {
	return m.NewCounter(c.Name, c.labelNames()...)
}

// Gauge is a declared gauge.
type Gauge struct{ Description }

// New creates the gauge.
func (g Gauge) New(m *service.Metrics) *service.MetricGauge {
	return m.NewGauge(g.Name, g.labelNames()...)
}

// Timer is a declared timer.
type Timer struct{ Description }

// New creates the timer.
func (t Timer) New(m *service.Metrics) *service.MetricTimer {
	return m.NewTimer(t.Name, t.labelNames()...)
}
