package demo

import (
	"bytes"
	"strings"
	"testing"
)

// What differs must be seen, with its sign, and never be called equal.
func TestResultShowsADifference(t *testing.T) {
	var out bytes.Buffer
	v := newView(Options{Out: &out})
	v.result(counts{500_000, 300_000, 200_000}, counts{500_000, 300_007, 199_000})
	for _, want := range []string{"1,000,000", "999,007", "difference", " 7 ", "-1,000", "-993"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
	if strings.Contains(out.String(), "equal") {
		t.Errorf("a difference is called equal:\n%s", out.String())
	}
}

// A log file gets few rows, and none of what a terminal needs for drawing over.
func TestRowsWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	v := newView(Options{Out: &out, Count: 1000})
	for range rowsPerHeader {
		v.row(counts{1, 2, 3}, counts{1, 1, 1})
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("control characters in %q", out.String())
	}
	if rows := strings.Count(out.String(), "\n"); rows != 1+rowsPerHeader/quietRows {
		t.Errorf("%d lines, want a header and %d rows", rows, rowsPerHeader/quietRows)
	}
}

// The first demo of a machine builds InfluxDB first. What it shows thereby must
// not run into what comes next.
func TestBuildProgressLeavesAnEmptyLine(t *testing.T) {
	var terminal, file bytes.Buffer
	for p, out := range map[*buildProgress]*bytes.Buffer{
		{out: &terminal, terminal: true}: &terminal,
		{out: &file}:                     &file,
	} {
		p.end() // nothing was built
		if out.Len() > 0 {
			t.Errorf("%q is shown though nothing is built", out)
		}
		p.step("github.com/influxdata/influxdb/tsdb")
		p.step("github.com/influxdata/influxdb/services/httpd")
		p.end()
	}
	if !strings.HasSuffix(terminal.String(), "httpd"+clearLine) {
		t.Errorf("the terminal's line is not emptied: %q", terminal.String())
	}
	if !strings.HasSuffix(file.String(), "tsdb\n") || strings.ContainsAny(file.String(), "\r\x1b") {
		t.Errorf("a file gets %q", file.String())
	}
}
