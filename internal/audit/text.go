package audit

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/dustin/go-humanize"
)

// maxCauses is how many causes of one difference the text shows.
const maxCauses = 10

// WriteText writes the report as text.
func (r *Report) WriteText(w io.Writer) error {
	t := text{w: w}
	t.line("Kafka     %s", r.Kafka)
	t.line("InfluxDB  %s", r.InfluxDB)
	if r.From != nil || r.To != nil {
		t.line("time      %s", between(r.From, r.To))
	}
	t.line("")
	t.differences(r)
	t.sums(r)
	for _, note := range r.Notes {
		t.line("note: %s", note)
	}
	t.line("%s: %s", r.Verdict, r.Summary())
	return t.err
}

// Summary returns the reason for the verdict as a sentence.
func (r *Report) Summary() string {
	unit := "second"
	if r.Unit != "1s" {
		unit = "window of " + r.Unit
	}
	counts := fmt.Sprintf("%s counts of a %s, brand and sentiment", humanize.Comma(int64(r.Counts)), unit)
	if r.Verdict == Equal {
		switch {
		case r.InFlight > 0:
			return fmt.Sprintf("InfluxDB holds all %s below the committed offsets, and none that Kafka does not hold, in %s", tweets(r.Committed), counts)
		default:
			return fmt.Sprintf("InfluxDB holds the %s that Kafka holds, in %s", tweets(r.Committed), counts)
		}
	}
	var parts []string
	if r.Missing > 0 {
		parts = append(parts, tweets(r.Missing)+" missing")
	}
	if r.Surplus > 0 {
		parts = append(parts, tweets(r.Surplus)+" too many")
	}
	if len(parts) == 0 {
		parts = append(parts, "the sums are right, but the points are not")
	}
	return fmt.Sprintf("%s of %s differ: %s", humanize.Comma(int64(r.DifferentCounts)), counts, strings.Join(parts, ", "))
}

// text writes lines until one fails.
type text struct {
	w   io.Writer
	err error
}

func (t *text) line(format string, args ...any) {
	if t.err == nil {
		_, t.err = io.WriteString(t.w, strings.TrimRight(fmt.Sprintf(format, args...), " ")+"\n")
	}
}

func (t *text) differences(r *Report) {
	if len(r.Differences) == 0 {
		return
	}
	rows := []differenceRow{{name(r.Unit), "brand", "sentiment", "Kafka", "InfluxDB", "difference"}}
	for _, d := range r.Differences {
		rows = append(rows, rowOf(d))
	}
	var widths [len(differenceRow{})]int
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	write := func(row differenceRow) {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			if i >= firstNumber {
				cell, pad = pad+cell, ""
			}
			line.WriteString(cell + pad + "  ")
		}
		t.line("%s", line.String())
	}
	write(rows[0])
	for at, d := range r.Differences {
		write(rows[at+1])
		for i, c := range d.Causes {
			if i == maxCauses {
				t.line("    and %s more", humanize.Comma(int64(len(d.Causes)-i)))
				break
			}
			t.line("    %s", c.Text)
		}
	}
	if more := r.DifferentCounts - len(r.Differences); more > 0 {
		t.line("and %s more counts that differ", humanize.Comma(int64(more)))
	}
	t.line("")
}

// differenceRow is a line of the table of differences, whose columns are as wide as
// they need to be, so that it fits in 80 columns.
type differenceRow [6]string

// firstNumber is the first column with numbers, which are aligned to the right.
const firstNumber = 3

func rowOf(d Difference) differenceRow {
	kafka := humanize.Comma(d.Committed)
	if d.Logged != d.Committed {
		kafka += " to " + humanize.Comma(d.Logged)
	}
	difference := "points"
	switch {
	case d.Missing > 0:
		difference = "-" + humanize.Comma(d.Missing)
	case d.Surplus > 0:
		difference = "+" + humanize.Comma(d.Surplus)
	}
	return differenceRow{d.Time.Format("2006-01-02 15:04:05.999"), shown(d.Brand), shown(d.Sentiment), kafka, humanize.Comma(d.Stored), difference}
}

// sums shows the sums of both sides, by sentiment.
func (t *text) sums(r *Report) {
	const most = 6 // columns
	names := slices.Sorted(maps.Keys(r.Sentiments))
	names = names[:min(len(names), most)]
	row := func(title string, of func(Sums) int64) {
		line, total := fmt.Sprintf("%-18s", title), int64(0)
		for _, name := range names {
			line += fmt.Sprintf(" %14s", humanize.Comma(of(r.Sentiments[name])))
		}
		for _, sums := range r.Sentiments {
			total += of(sums)
		}
		t.line("%s %14s", line, humanize.Comma(total))
	}
	title := fmt.Sprintf("%-18s", "tweets")
	for _, name := range names {
		title += fmt.Sprintf(" %14s", shown(name))
	}
	t.line("%s %14s", title, "total")
	row("Kafka, committed", func(s Sums) int64 { return s.Committed })
	if r.InFlight > 0 {
		row("Kafka, in flight", func(s Sums) int64 { return s.InFlight })
	}
	row("InfluxDB", func(s Sums) int64 { return s.Stored })
	t.line("")
}

func name(unit string) string {
	if unit == "1s" {
		return "second (UTC)"
	}
	return "window of " + unit + " (UTC)"
}

// shown returns a tag's value for a terminal: without control characters, and short
// enough for a table.
func shown(value string) string {
	const most = 32
	if strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) || !utf8.ValidString(value) {
		value = strconv.QuoteToGraphic(value)
	}
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most-1]) + "…"
	}
	return value
}

func between(from, to *time.Time) string {
	switch {
	case from == nil:
		return "before " + to.Format(time.RFC3339)
	case to == nil:
		return "from " + from.Format(time.RFC3339)
	}
	return from.Format(time.RFC3339) + " to " + to.Format(time.RFC3339)
}
