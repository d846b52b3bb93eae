// Package rounds compares ways to do the same work. Each runs several times, in turn
// with the others, and a table shows the medians beside those of the limit: the fastest
// possible way.
//
// The ratios to the limit are computed within each round first, so that a temporary
// load during the benchmark affects both sides of a ratio.
package rounds

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"
)

// Reading is the result of one run.
type Reading struct {
	Rate float64 // things per second
	CPU  float64 // seconds per million things
	Peak int64   // bytes of memory; 0: not measured
	// Server is the CPU seconds per million things of the server that was used; 0: not
	// measured.
	Server float64
}

// Row is one of the compared ways, with a reading per round.
type Row struct {
	Name     string
	Readings []Reading
}

// Median returns the median of each figure.
func (r Row) Median() Reading {
	return Reading{
		Rate: median(figures(r.Readings, rate)),
		CPU:  median(figures(r.Readings, cpu)),
		Peak: median(figures(r.Readings, func(r Reading) int64 { return r.Peak })),

		Server: median(figures(r.Readings, func(r Reading) float64 { return r.Server })),
	}
}

// Spread returns the lowest and the highest rate.
func (r Row) Spread() (lowest, highest float64) {
	rates := figures(r.Readings, rate)
	return slices.Min(rates), slices.Max(rates)
}

// Against returns the medians of the ratios to another row, round by round.
func (r Row) Against(limit Row) (ofRate, timesCPU float64) {
	rates, cpus := figures(r.Readings, rate), figures(r.Readings, cpu)
	for i, l := range limit.Readings {
		rates[i] /= l.Rate
		cpus[i] /= l.CPU
	}
	return median(rates), median(cpus)
}

func rate(r Reading) float64 { return r.Rate }

func cpu(r Reading) float64 { return r.CPU }

func figures[T any](readings []Reading, figure func(Reading) T) []T {
	all := make([]T, len(readings))
	for i, r := range readings {
		all[i] = figure(r)
	}
	return all
}

// median returns the median of an odd number of values; of an even number, the upper of
// the two in the middle.
func median[T float64 | int64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// Table returns the rows, with the limit as the last one, as a table in Markdown. thing
// is the unit of a rate, such as "points".
func Table(thing string, limit Row, rows ...Row) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	memory := limit.Median().Peak > 0 || slices.ContainsFunc(rows, func(r Row) bool { return r.Median().Peak > 0 })
	head := []string{"", thing + "/s", "of the limit", "CPU s per million", "times the limit"}
	if memory {
		head = append(head, "peak memory")
	}
	head = append(head, "rounds")
	line(w, head)
	line(w, slices.Repeat([]string{"---"}, len(head)))
	for _, row := range slices.Concat(rows, []Row{limit}) {
		m := row.Median()
		ofRate, timesCPU := row.Against(limit)
		cells := []string{row.Name, fmt.Sprintf("%.0f", m.Rate), fmt.Sprintf("%.0f %%", 100*ofRate), fmt.Sprintf("%.2f", m.CPU), fmt.Sprintf("%.2f", timesCPU)}
		if memory {
			cells = append(cells, megabytes(m.Peak))
		}
		var rates []string
		for _, r := range row.Readings {
			rates = append(rates, fmt.Sprintf("%.0f", r.Rate))
		}
		line(w, append(cells, strings.Join(rates, " ")))
	}
	w.Flush()
	return text.String()
}

func line(w *tabwriter.Writer, cells []string) {
	fmt.Fprintf(w, "| %s |\n", strings.Join(cells, "\t| "))
}

func megabytes(n int64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d MB", n>>20)
}

// CPU returns the CPU time that this process has used so far, user and system.
func CPU(t testing.TB) time.Duration {
	t.Helper()
	used, err := ProcessCPU()
	if err != nil {
		t.Fatal(err)
	}
	return used
}

// ProcessCPU is CPU where there is no test.
func ProcessCPU() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("reading the CPU time of this process: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}
