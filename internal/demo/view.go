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

// rowsPerHeader is after how many rows the names of the columns are repeated.
const rowsPerHeader = 20

// quietRows is which of the rows are shown where nobody watches them live.
const quietRows = 5

// view shows the demo: one row a second, and below it, on a terminal, a bar.
type view struct {
	out      io.Writer
	terminal bool
	begin    time.Time
	bar      *pb.ProgressBar // nil: there is no end, or no terminal
	rows     int
	last     struct {
		at           time.Time
		held, stored counts
	}
}

func newView(o Options) *view {
	v := &view{out: o.Out, terminal: o.Terminal, begin: time.Now()}
	v.last.at = v.begin
	if o.Terminal && o.Count > 0 {
		v.bar = pb.ProgressBarTemplate(`{{bar . "[" "▓" "▓" "░" "]"}} {{percent .}} stored`).New(0).SetTotal(o.Count).SetWidth(72)
	}
	return v
}

// row shows what there is now and how fast it has become more.
func (v *view) row(held, stored counts) {
	now := time.Now()
	span := now.Sub(v.last.at).Seconds()
	rate := func(c, before counts) string {
		return humanize.Comma(int64(float64(c.total()-before.total()) / span))
	}
	v.clearBar()
	if v.terminal || v.rows%quietRows == 0 {
		if v.rows%rowsPerHeader == 0 {
			fmt.Fprintf(v.out, "%8s %14s %12s %12s %12s %12s %12s %12s\n",
				"elapsed", "generated/s", "stored/s", "waiting", "positive", "negative", "neutral", "stored")
		}
		fmt.Fprintf(v.out, "%8s %14s %12s %12s", now.Sub(v.begin).Round(time.Second), rate(held, v.last.held), rate(stored, v.last.stored),
			humanize.Comma(max(0, held.total()-stored.total())))
		for _, n := range stored {
			fmt.Fprintf(v.out, " %12s", humanize.Comma(n))
		}
		fmt.Fprintf(v.out, " %12s\n", humanize.Comma(stored.total()))
	}
	v.rows++
	v.drawBar(stored.total())
	v.last.at, v.last.held, v.last.stored = now, held, stored
}

// say prints a line between the rows.
func (v *view) say(format string, args ...any) {
	v.clearBar()
	fmt.Fprintf(v.out, format+"\n", args...)
}

func (v *view) clearBar() {
	if v.bar != nil {
		fmt.Fprint(v.out, clearLine)
	}
}

func (v *view) drawBar(stored int64) {
	if v.bar != nil {
		fmt.Fprint(v.out, v.bar.SetCurrent(stored).String())
	}
}

// result shows both sides of the account.
func (v *view) result(held, stored counts) {
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
