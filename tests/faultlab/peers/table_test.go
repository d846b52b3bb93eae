package peers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
)

// result is the outcome of a pipeline under a fault.
type result struct {
	pipeline, fault string
	tweets          int64 // in Kafka
	lost, doubled   int64 // tweets, see differences
	unread          int64 // tweets, of those lost, when the patience was over
	kills           int
	peak            int64 // bytes of memory
}

// differences adds up how many tweets InfluxDB has too few and too many, for each
// second, brand and sentiment separately: they do not cancel out.
func differences(got, want oracle.Counts) (lost, doubled int64) {
	for key, n := range want {
		lost += max(0, n-got[key])
	}
	for key, n := range got {
		doubled += max(0, n-want[key])
	}
	return lost, doubled
}

// cell returns a result as text for the table.
func (r result) cell() string {
	text := grouped(r.lost) + " / " + grouped(r.doubled)
	var notes []string
	if r.kills > 0 {
		notes = append(notes, fmt.Sprintf("%d kills", r.kills))
	}
	if r.unread > 0 {
		notes = append(notes, grouped(r.unread)+" not read yet")
	}
	if len(notes) > 0 {
		text += " (" + strings.Join(notes, ", ") + ")"
	}
	return text
}

// table returns a table in Markdown: a row per pipeline, a column per fault, each in
// the order of their first appearance.
func table(results []result) string {
	var faults, pipelines []string
	heads, cells, peaks := map[string]string{}, map[string]string{}, map[string]int64{}
	for _, r := range results {
		if !slices.Contains(faults, r.fault) {
			faults = append(faults, r.fault)
		}
		if !slices.Contains(pipelines, r.pipeline) {
			pipelines = append(pipelines, r.pipeline)
		}
		heads[r.fault] = fmt.Sprintf("%s; of %s tweets", r.fault, grouped(r.tweets))
		cells[r.pipeline+r.fault] = r.cell()
		peaks[r.pipeline] = max(peaks[r.pipeline], r.peak)
	}
	var text strings.Builder
	text.WriteString("| tweets lost / doubled |")
	for _, f := range faults {
		text.WriteString(" " + heads[f] + " |")
	}
	text.WriteString(" peak memory |\n|---|" + strings.Repeat("--:|", len(faults)+1) + "\n")
	for _, p := range pipelines {
		text.WriteString("| " + p + " |")
		for _, f := range faults {
			text.WriteString(" " + cells[p+f] + " |")
		}
		fmt.Fprintf(&text, " %d MB |\n", peaks[p]>>20)
	}
	return text.String()
}

// grouped writes 1234567 as 1,234,567.
func grouped(n int64) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// If this fails, the table says that a pipeline is right which is not, or the reverse.
func TestDifferencesDoNotMakeUpForEachOther(t *testing.T) {
	one, two, three := oracle.Key{Second: 1}, oracle.Key{Second: 2}, oracle.Key{Second: 3}
	lost, doubled := differences(oracle.Counts{one: 5, three: 2}, oracle.Counts{one: 3, two: 4})
	if lost != 4 || doubled != 4 {
		t.Errorf("%d lost and %d doubled, want 4 and 4", lost, doubled)
	}
}

// If this fails, figures are listed for the wrong pipeline or fault.
func TestTable(t *testing.T) {
	got := table([]result{
		{pipeline: "a", fault: "none", tweets: 1234567, lost: 999, unread: 100, peak: 5 << 20},
		{pipeline: "b", fault: "none", tweets: 1234567, peak: 1 << 20},
		{pipeline: "b", fault: "killed", tweets: 1000, doubled: 12345, kills: 4, peak: 7 << 20},
	})
	want := `| tweets lost / doubled | none; of 1,234,567 tweets | killed; of 1,000 tweets | peak memory |
|---|--:|--:|--:|
| a | 999 / 0 (100 not read yet) |  | 5 MB |
| b | 0 / 0 | 0 / 12,345 (4 kills) | 7 MB |
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
