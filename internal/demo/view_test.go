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
