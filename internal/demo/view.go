package demo

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const (
	// rowsPerHeader: the header is repeated after this many rows.
	rowsPerHeader = 20
	// quietEvery is how many seconds a row covers without a terminal, and while
	// InfluxDB is built.
	quietEvery = 5
	// usualWidth is the width of a file, and of a terminal of unknown width.
	usualWidth = 80
)

// clearLine moves to the start of a terminal's line and clears it.
const clearLine = "\r\x1b[K"

// view prints the demo's progress: one row per second and, on a terminal, a bar below
// it.
type view struct {
	out      io.Writer
	terminal bool
	width    func() int
	count    int64 // tweets to generate; 0: no end
	begin    time.Time
	now      func() time.Time
	bar      *pb.ProgressBar // nil without an end or a terminal

	seconds, rows int
	introduced    bool     // whether the build has been announced
	waited        bool     // the line below the rows is about InfluxDB
	last          struct { // values of the last row
		at           time.Time
		held, stored counts
	}
}

func newView(o Options) *view {
	v := &view{out: o.Out, terminal: o.Terminal, width: o.Width, count: o.Count, begin: time.Now(), now: time.Now}
	if v.width == nil {
		v.width = func() int { return usualWidth }
	}
	v.last.at = v.begin
	if o.Terminal && o.Count > 0 {
		v.bar = pb.ProgressBarTemplate(`{{bar . "[" "▓" "▓" "░" "]"}} {{percent .}} stored`).New(0).SetTotal(o.Count)
	}
	return v
}

// column is a column of the table. On a narrow terminal the last ones are left out.
type column struct {
	name  string
	width int
}

var columns = []column{{"elapsed", 8}, {"generated/s", 13}, {"stored/s", 13}, {"stored", 16}, {"waiting", 14}, {"pos/neg/neu", 14}}

// row prints the numbers and their rates since the last row. It is called once a
// second.
func (v *view) row(held, stored counts) {
	v.clearBar()
	if v.terminal || v.seconds%quietEvery == 0 {
		v.line(held, stored, true)
	}
	v.seconds++
	if v.bar != nil {
		fmt.Fprint(v.out, v.bar.SetCurrent(stored.total()).SetWidth(max(20, min(72, v.width()-1))).String())
	}
}

func (v *view) line(held, stored counts, storing bool) {
	now := v.now()
	span := now.Sub(v.last.at).Seconds()
	rate := func(c, before counts) string {
		return count(int64(float64(c.total()-before.total()) / span))
	}
	if v.rows%rowsPerHeader == 0 {
		v.cells(columns, func(i int) string { return columns[i].name })
	}
	v.rows++
	values := []string{
		now.Sub(v.begin).Round(time.Second).String(), rate(held, v.last.held),
		"-", "-", count(held.total()), "-",
	}
	if storing {
		values = []string{
			values[0], values[1],
			rate(stored, v.last.stored), count(stored.total()), count(max(0, held.total()-stored.total())), mix(stored, v.last.stored),
		}
	}
	v.cells(columns, func(i int) string { return values[i] })
	v.last.at, v.last.held, v.last.stored = now, held, stored
}

func (v *view) cells(columns []column, text func(column int) string) {
	left := v.width() - 1
	for i, c := range columns {
		if left -= c.width; left < 0 && i > 0 {
			break
		}
		fmt.Fprintf(v.out, "%*s", c.width, text(i))
	}
	fmt.Fprintln(v.out)
}

// count returns a number that fits into a column.
func count(n int64) string {
	if n >= 10_000_000_000 {
		return humanize.Comma(n/1_000_000) + "M"
	}
	return humanize.Comma(n)
}

// mix returns the percentage of each sentiment among the tweets of a row.
func mix(c, before counts) string {
	total := c.total() - before.total()
	if total <= 0 {
		return "-"
	}
	percent := func(s tweet.Sentiment) int64 { return (100*(c[s]-before[s]) + total/2) / total }
	positive, negative := percent(tweet.Positive), percent(tweet.Negative)
	return fmt.Sprintf("%d/%d/%d", positive, negative, max(0, 100-positive-negative))
}

// building prints what is generated while InfluxDB does not accept points yet, and the
// progress of its build. It is called once a second.
func (v *view) building(held counts, s buildStatus) {
	v.clearBar()
	if s.intro != "" && !v.introduced {
		v.introduced = true
		fmt.Fprintf(v.out, "%s\n\n", s.intro)
	}
	for _, note := range s.notes {
		fmt.Fprintln(v.out, note)
	}
	v.seconds++
	// An InfluxDB that needs no build is usually up before there is anything to show.
	if v.waited = v.waited || v.introduced || v.seconds > 2; !v.waited {
		return
	}
	if (v.seconds-1)%quietEvery == 0 {
		if v.rows == 0 || held != v.last.held { // a build can take longer than the generator
			v.line(held, counts{}, false)
		}
		if !v.terminal {
			fmt.Fprintln(v.out, s.line)
		}
	}
	if v.terminal {
		fmt.Fprintf(v.out, "%.*s", v.width()-1, s.line)
	}
}

// say prints a line between the rows.
func (v *view) say(format string, args ...any) {
	v.clearBar()
	fmt.Fprintf(v.out, format+"\n", args...)
}

func (v *view) clearBar() {
	if v.terminal && (v.bar != nil || v.waited) {
		fmt.Fprint(v.out, clearLine)
	}
}

// result prints both sides of the comparison.
func (v *view) result(held, stored counts) {
	v.clearBar()
	width := 12
	fmt.Fprintf(v.out, "\n%-10s", "")
	for s := range held {
		fmt.Fprintf(v.out, " %*s", width, tweet.Sentiment(s))
	}
	fmt.Fprintf(v.out, " %*s\n", width, "total")
	line := func(name string, c counts) {
		fmt.Fprintf(v.out, "%-10s", name)
		for _, n := range c {
			fmt.Fprintf(v.out, " %*s", width, humanize.Comma(n))
		}
		fmt.Fprintf(v.out, " %*s\n", width, humanize.Comma(c.total()))
	}
	line("Kafka", held)
	line("InfluxDB", stored)
	if held == stored {
		fmt.Fprintln(v.out, "equal")
		return
	}
	var diff counts
	for s := range held {
		diff[s] = stored[s] - held[s]
	}
	fmt.Fprintf(v.out, "%s\n", strings.Repeat("-", 10+4*(width+1)))
	line("difference", diff)
}
