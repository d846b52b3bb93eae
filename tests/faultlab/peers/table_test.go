package peers_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
)

// result is what a pipeline made of a fault.
type result struct {
	pipeline, fault string
	kafka, influx   int64 // tweets
	lost, doubled   int64 // tweets, see differences
	behind          int64 // tweets not committed when the patience was over
	peak            int64 // bytes of memory
}

// differences adds up how many tweets InfluxDB has too few and too many, each
// second, brand and sentiment for itself: they do not make up for each other.
func differences(got, want oracle.Counts) (lost, doubled int64) {
	for key, n := range want {
		lost += max(0, n-got[key])
	}
	for key, n := range got {
		doubled += max(0, n-want[key])
	}
	return lost, doubled
}

// table is in Markdown.
func table(results []result) string {
	var text strings.Builder
	text.WriteString("| pipeline | fault | tweets in Kafka | tweets in InfluxDB | lost | doubled | peak memory |\n")
	text.WriteString("|---|---|--:|--:|--:|--:|--:|\n")
	for _, r := range results {
		lost := grouped(r.lost)
		if r.behind > 0 {
			lost += fmt.Sprintf(" (%s not read yet)", grouped(r.behind))
		}
		fmt.Fprintf(&text, "| %s | %s | %s | %s | %s | %s | %d MB |\n",
			r.pipeline, r.fault, grouped(r.kafka), grouped(r.influx), lost, grouped(r.doubled), r.peak>>20)
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

// If this fails, the table says that a pipeline is right which is not, or the
// other way round.
func TestDifferencesDoNotMakeUpForEachOther(t *testing.T) {
	one, two, three := oracle.Key{Second: 1}, oracle.Key{Second: 2}, oracle.Key{Second: 3}
	lost, doubled := differences(oracle.Counts{one: 5, three: 2}, oracle.Counts{one: 3, two: 4})
	if lost != 4 || doubled != 4 {
		t.Errorf("%d lost and %d doubled, want 4 and 4", lost, doubled)
	}
	if got := grouped(1234567) + " " + grouped(100) + " " + grouped(1000); got != "1,234,567 100 1,000" {
		t.Error(got)
	}
}
