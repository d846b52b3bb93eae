package producebench_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// resultLog has what was measured, as JSON lines and as text, as soon as it is known: an
// interrupted benchmark loses nothing.
type resultLog struct {
	tb         testing.TB
	text, json *os.File
}

// openLog appends to the files of earlier runs.
func openLog(b *testing.B, path string) *resultLog {
	b.Helper()
	path = cmp.Or(path, filepath.Join(testenv.Root(b), "bin", "bench-produce"))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		b.Fatal(err)
	}
	l := &resultLog{tb: b}
	for _, f := range []struct {
		file **os.File
		ext  string
	}{{&l.text, ".txt"}, {&l.json, ".jsonl"}} {
		file, err := os.OpenFile(path+f.ext, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { file.Close() })
		*f.file = file
	}
	fmt.Printf("results are appended to %s.txt and .jsonl\n", path)
	return l
}

// printf prints to the terminal, and to the file. Not to the log of the test, which
// indents.
func (l *resultLog) printf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	fmt.Print(text)
	if _, err := l.text.WriteString(text); err != nil {
		l.tb.Errorf("writing the results: %v", err)
	}
}

// entry is a line of the JSON.
type entry struct {
	Time    time.Time       `json:"time"`
	Job     string          `json:"job"`
	Case    string          `json:"case"`
	Writer  string          `json:"writer"`
	Round   int             `json:"round"`
	Tweets  int64           `json:"tweets"`
	Load    string          `json:"load_average"`
	Reading *rounds.Reading `json:"reading,omitempty"`
	Figures map[string]any  `json:"figures,omitempty"`
	Error   string          `json:"error,omitempty"`
}

func (l *resultLog) record(e entry) {
	e.Time, e.Load = time.Now().UTC().Truncate(time.Millisecond), load()
	line, err := json.Marshal(e)
	if err == nil {
		_, err = l.json.Write(append(line, '\n'))
	}
	if err != nil {
		l.tb.Errorf("writing the results: %v", err)
	}
}

// table returns rows in 80 columns. ours is the row that the others are compared with.
func table(ours string, rows []*rounds.Row) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-20s %10s %13s %8s %7s %6s %7s\n", "", "tweets/s", "min-max, M", "ours is", "CPU s", "MB", "broker")
	our := rowOf(rows, ours)
	for _, row := range rows {
		m := row.Median()
		lowest, highest := row.Spread()
		times := "-"
		if our != nil {
			ratio, _ := our.Against(*row)
			times = fmt.Sprintf("%.2fx", ratio)
		}
		fmt.Fprintf(&text, "%-20s %10s %13s %8s %7.3f %6d %7.3f\n", row.Name, grouped(int64(m.Rate)),
			fmt.Sprintf("%.2f-%.2f", lowest/1e6, highest/1e6), times, m.CPU, m.Peak>>20, m.Server)
	}
	return text.String()
}

func rowOf(rows []*rounds.Row, name string) *rounds.Row {
	for _, row := range rows {
		if row.Name == name {
			return row
		}
	}
	return nil
}

// grouped writes a number with commas.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// goal is a figure that has to be at least or at most a limit.
type goal struct {
	what    string
	atMost  bool
	limit   float64
	figure  float64
	unknown string // why there is no figure, or empty
}

func (g goal) met() bool {
	if g.unknown != "" {
		return false
	}
	if g.atMost {
		return g.figure <= g.limit
	}
	return g.figure >= g.limit
}

func (g goal) String() string {
	sign, figure, verdict := ">=", fmt.Sprintf("%.3g", g.figure), "missed"
	if g.atMost {
		sign = "<="
	}
	switch {
	case g.unknown != "":
		figure, verdict = "-", g.unknown
	case g.met():
		verdict = "met"
	}
	return fmt.Sprintf("goal: %-38s %2s %-9s %9s  %s\n", g.what, sign, fmt.Sprintf("%.4g", g.limit), figure, verdict)
}

// goals prints goals, and keeps them.
func (b *bench) goals(of string, all ...goal) {
	for _, g := range all {
		b.log.printf("%s", g)
		b.log.record(entry{Job: b.job, Case: of, Figures: map[string]any{
			"goal": g.what, "at_most": g.atMost, "limit": g.limit, "figure": g.figure, "met": g.met(), "unknown": g.unknown,
		}})
	}
}
