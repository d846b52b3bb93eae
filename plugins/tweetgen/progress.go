package tweetgen

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/cheggaaa/pb/v3/termutil"
	"github.com/dustin/go-humanize"
	"github.com/mattn/go-colorable"
	"github.com/mattn/go-isatty"
	"github.com/redpanda-data/benthos/v4/public/service"
)

const (
	displayEvery = 200 * time.Millisecond
	logEvery     = 10 * time.Second
	// currentSpan is the time over which the current throughput is measured.
	currentSpan = 2 * time.Second
)

// displayed is true while an input of this process draws on the terminal. A second
// input logs its progress instead, since it would draw over the first.
var displayed atomic.Bool

// progress reports progress on the terminal or in the log.
type progress struct {
	tally    *tally
	log      *service.Logger
	now      func() time.Time
	mode     string
	terminal bool
	out      io.Writer
	width    func() int

	title    string
	count    int64
	duration time.Duration
	paced    bool
	finished <-chan struct{}

	start  time.Time
	recent []sample
	bar    *pb.ProgressBar
}

type sample struct {
	at time.Time
	n  int64
}

// newProgress returns a display of t. It shows 100 % once finished is closed.
func newProgress(c *config, t *tally, finished <-chan struct{}, log *service.Logger, label string, now func() time.Time) *progress {
	title := "BrandPulse tweet generator"
	if label != "" {
		title += " " + label
	}
	duration := c.duration
	if c.shape != nil && !c.shape.Repeats() && (duration == 0 || duration > c.shape.Length()) {
		duration = c.shape.Length()
	}
	fd := os.Stderr.Fd()
	return &progress{
		tally: t, log: log, now: now,
		mode:     c.progress,
		terminal: isatty.IsTerminal(fd) || isatty.IsCygwinTerminal(fd),
		out:      colorable.NewColorableStderr(),
		width:    terminalWidth,
		title:    title,
		count:    c.count, duration: duration, paced: c.paced(), finished: finished,
		bar: pb.ProgressBarTemplate(`{{bar . "[" "▓" "▓" "░" "]"}} {{percent .}}`).New(0),
	}
}

func terminalWidth() int {
	if width, err := termutil.TerminalWidth(); err == nil && width > 0 {
		return width
	}
	return 80
}

// run shows the progress until ctx is done, then a last time.
func (p *progress) run(ctx context.Context) {
	p.start = p.now()
	switch {
	case p.mode == progressNever:
		return
	case p.mode == progressAuto && !p.terminal, !displayed.CompareAndSwap(false, true):
		p.every(ctx, logEvery, p.writeLog)
		p.writeLog()
	default:
		defer displayed.Store(false)
		p.every(ctx, displayEvery, p.draw)
		p.finish()
	}
}

func (p *progress) every(ctx context.Context, interval time.Duration, show func()) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			show()
		case <-ctx.Done():
			return
		}
	}
}

// figures are the numbers to show.
type figures struct {
	delivered, errors, missed int64
	current, average          float64 // tweets/s
	elapsed                   time.Duration
	remaining                 time.Duration // negative if unknown
	part                      float64       // from 0 to 1; negative if there is no end
}

func (p *progress) measure() figures {
	now := p.now()
	f := figures{
		delivered: p.tally.delivered.Load(), errors: p.tally.errors.Load(), missed: p.tally.missed.Load(),
		elapsed: now.Sub(p.start), remaining: -1, part: -1,
	}
	p.recent = append(p.recent, sample{now, f.delivered})
	for len(p.recent) > 2 && now.Sub(p.recent[1].at) >= currentSpan {
		p.recent = p.recent[1:]
	}
	f.current = perSecond(f.delivered-p.recent[0].n, now.Sub(p.recent[0].at))
	f.average = perSecond(f.delivered, f.elapsed)
	if len(p.recent) == 1 {
		f.current = f.average
	}
	// Whichever limit is reached first ends it.
	if p.count > 0 {
		f.part = float64(f.delivered) / float64(p.count)
		if f.average > 0 {
			f.remaining = time.Duration(float64(p.count-f.delivered) / f.average * float64(time.Second))
		}
	}
	if p.duration > 0 {
		left := max(0, p.duration-f.elapsed)
		f.part = max(f.part, min(1, float64(f.elapsed)/float64(p.duration)))
		if f.remaining < 0 || left < f.remaining {
			f.remaining = left
		}
	}
	select {
	case <-p.finished:
		f.part, f.remaining = 1, 0
	default:
	}
	return f
}

func perSecond(n int64, d time.Duration) float64 {
	if d <= 0 {
		return 0
	}
	return float64(n) / d.Seconds()
}

func (p *progress) writeLog() {
	f := p.measure()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", p.title, p.tweets(f))
	if f.part >= 0 {
		fmt.Fprintf(&b, " (%.1f%%)", 100*f.part)
	}
	fmt.Fprintf(&b, ", %s tweets/s now, %s tweets/s on average, elapsed %s", whole(f.current), whole(f.average), clock(f.elapsed))
	if f.remaining >= 0 {
		fmt.Fprintf(&b, ", remaining %s", clock(f.remaining))
	}
	fmt.Fprintf(&b, ", errors %s", humanize.Comma(f.errors))
	if p.paced {
		fmt.Fprintf(&b, ", missed %s", humanize.Comma(f.missed))
	}
	p.log.Info(b.String())
}

func (p *progress) tweets(f figures) string {
	if p.count > 0 {
		return humanize.Comma(f.delivered) + " / " + humanize.Comma(p.count) + " tweets"
	}
	return humanize.Comma(f.delivered) + " tweets"
}

// lines returns the lines of the display.
func (p *progress) lines(width int) []string {
	f := p.measure()
	lines := []string{p.title}
	if f.part >= 0 {
		const steps = 10_000 // as percent has two decimals
		p.bar.SetTotal(steps).SetCurrent(int64(f.part * steps)).SetWidth(max(10, min(width-1, 60)))
		lines = append(lines, p.bar.String())
	}
	items := []string{
		p.tweets(f),
		"Throughput (current): " + whole(f.current) + " tweets/s",
		"Throughput (average): " + whole(f.average) + " tweets/s",
		"Elapsed: " + clock(f.elapsed),
	}
	if f.remaining >= 0 {
		items = append(items, "Remaining: "+clock(f.remaining))
	}
	if p.paced {
		items = append(items, "Missed: "+humanize.Comma(f.missed))
	}
	items = append(items, "Errors: "+humanize.Comma(f.errors))
	for i, item := range items {
		branch := "├─ "
		if i == len(items)-1 {
			branch = "└─ "
		}
		lines = append(lines, branch+item)
	}
	// A line that wraps takes two rows, and the cursor would move up too few.
	for i := range lines {
		lines[i] = pb.StripString(lines[i], width-1)
	}
	return lines
}

const (
	clearBelow = "\r\x1b[J"
	upBy       = "\r\x1b[%dA"
)

// draw draws the display below two empty lines and leaves the cursor in the first.
// Benthos's log lines are written into the empty lines, and the next drawing starts
// below them, so neither overwrites the other. There are two lines since a log line is
// often wider than the terminal.
func (p *progress) draw() {
	lines := append([]string{"", ""}, p.lines(p.width())...)
	fmt.Fprintf(p.out, clearBelow+"%s"+upBy, strings.Join(lines, "\n"), len(lines)-1)
}

func (p *progress) finish() {
	fmt.Fprintf(p.out, clearBelow+"%s\n", strings.Join(p.lines(p.width()), "\n"))
}

func whole(n float64) string { return humanize.Comma(int64(n + 0.5)) }

// clock formats a duration as hours, minutes and seconds.
func clock(d time.Duration) string {
	s := int64(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
}
