package demo

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// If this fails, a difference is not shown with its sign, or is called equal.
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
		t.Errorf("a difference is reported as equal:\n%s", out.String())
	}
}

// clocked returns a view whose clock the test sets.
func clocked(o Options) (*view, func(time.Duration)) {
	v := newView(o)
	now := v.begin
	v.now = func() time.Time { return now }
	return v, func(d time.Duration) { now = now.Add(d) }
}

// If this fails, a log file gets too many rows, or control characters of a terminal, or
// the rates are those of single seconds of which most are not shown.
func TestRowsWithoutATerminal(t *testing.T) {
	var out bytes.Buffer
	v, pass := clocked(Options{Out: &out, Count: 1000})
	var held, stored counts
	for second := range int64(20) {
		pass(time.Second)
		// Nothing is generated in the seconds that have a row.
		if second%quietEvery != 0 {
			held[0] += 5000
			stored[0], stored[2] = stored[0]+3000, stored[2]+1000
		}
		v.row(held, stored)
	}
	if strings.ContainsAny(out.String(), "\r\x1b") {
		t.Errorf("control characters in %q", out.String())
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 1+20/quietEvery {
		t.Fatalf("%d lines, want a header and %d rows", len(lines), 20/quietEvery)
	}
	if got := strings.Fields(lines[2]); !slices.Equal(got, []string{"6s", "4,000", "3,200", "16,000", "4,000", "75/0/25"}) {
		t.Errorf("after 6 s the row is %q", got)
	}
}

// If this fails, each row takes two lines of a terminal, and the bar overwrites the
// wrong one.
func TestRowsFitTheTerminal(t *testing.T) {
	for width, want := range map[int]int{200: 6, 80: 6, 78: 5, 60: 4, 30: 2, 5: 1} {
		var out bytes.Buffer
		v, pass := clocked(Options{Out: &out, Terminal: true, Count: 1000, Width: func() int { return width }})
		for _, n := range []int64{0, 999_999, 50_000_000_000_000} {
			pass(101 * time.Hour)
			v.row(counts{n, 2 * n}, counts{n})
		}
		text := regexp.MustCompile(`\x1b\[K`).ReplaceAllString(out.String(), "")
		for line := range strings.SplitSeq(text, "\n") {
			for _, part := range strings.Split(line, "\r") {
				if n := utf8.RuneCountInString(part); n >= max(width, 21) && width > 20 {
					t.Errorf("width %d: a line of %d columns: %q", width, n, part)
				}
			}
		}
		if header := strings.Fields(strings.SplitN(text, "\n", 2)[0]); len(header) != want {
			t.Errorf("width %d: %d columns, want %d: %q", width, len(header), want, header)
		}
	}
}

// If this fails, minutes of the first demo's build of InfluxDB pass silently, or its
// line is mixed up with the next one.
func TestBuildIsShown(t *testing.T) {
	for _, terminal := range []bool{true, false} {
		var out bytes.Buffer
		v, pass := clocked(Options{Out: &out, Terminal: terminal})
		p := &buildProgress{now: v.now}
		v.building(counts{1}, p.status())
		if got := strings.ReplaceAll(out.String(), clearLine, ""); got != "" {
			t.Errorf("%q is shown although nothing is being built", got)
		}
		p.step("building InfluxDB 1.8.10 from its source: one to three minutes, once")
		for range 6 {
			pass(time.Second)
			p.step("go: downloading github.com/influxdata/flux v0.65.1")
			p.step("github.com/influxdata/influxdb/tsdb")
			v.building(counts{40_000}, p.status())
		}
		for range 2 * quietEvery {
			pass(time.Second)
			v.building(counts{40_000}, p.status())
		}
		if n := strings.Count(out.String(), "40,000"); n != 1 {
			t.Errorf("terminal %v: %d equal rows:\n%s", terminal, n, out.String())
		}
		p.step("google.golang.org/api/cloudresourcemanager/v1/with/a/very/long/path/to/package")
		v.building(counts{40_001}, p.status())
		v.clearBar()
		v.row(counts{50_000}, counts{10})
		got := out.String()
		for line := range strings.Lines(strings.ReplaceAll(got, clearLine, "\n")) {
			if n := utf8.RuneCountInString(strings.TrimRight(line, "\n")); n > 79 {
				t.Errorf("terminal %v: %d columns: %s", terminal, n, line)
			}
		}
		for _, want := range []string{"Building InfluxDB 1.8.10 from source, once: ", "InfluxDB: 5s, 5 of 375 packages  github.com/influxdata/influxdb/tsdb", "40,000"} {
			if !strings.Contains(got, want) {
				t.Errorf("terminal %v: %q is missing in\n%s", terminal, want, got)
			}
		}
		if terminal && !strings.Contains(got, clearLine+"     16s") {
			t.Errorf("the line of the build is not cleared: %q", got)
		}
		if !terminal && strings.ContainsAny(got, "\r\x1b") {
			t.Errorf("a file contains %q", got)
		}
	}
}
