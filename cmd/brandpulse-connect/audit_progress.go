package main

import (
	"fmt"
	"io"
	"time"

	"github.com/cheggaaa/pb/v3"
	"github.com/dustin/go-humanize"
	"github.com/mattn/go-colorable"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
)

// auditProgress shows the progress of an audit in one line of the terminal.
type auditProgress struct {
	out   io.Writer // nil: no terminal
	bar   *pb.ProgressBar
	last  time.Time
	drawn bool
}

func newAuditProgress(terminal bool) *auditProgress {
	p := &auditProgress{bar: pb.ProgressBarTemplate(`{{bar . "[" "▓" "▓" "░" "]"}} {{percent .}}`).New(0).SetWidth(48)}
	if terminal {
		p.out = colorable.NewColorableStderr()
	}
	return p
}

const (
	auditProgressEvery = 100 * time.Millisecond
	backAndClear       = "\r\x1b[K"
)

func (p *auditProgress) show(now audit.Progress) {
	if p.out == nil || time.Since(p.last) < auditProgressEvery {
		return
	}
	p.last, p.drawn = time.Now(), true
	if now.Total == 0 {
		fmt.Fprintf(p.out, "%s%s: %s points", backAndClear, now.Stage, humanize.Comma(now.Done))
		return
	}
	fmt.Fprintf(p.out, "%s%s: %s of %s offsets %s", backAndClear, now.Stage,
		humanize.Comma(now.Done), humanize.Comma(now.Total), p.bar.SetTotal(now.Total).SetCurrent(now.Done))
}

// end clears the line for the result.
func (p *auditProgress) end() {
	if p.drawn {
		fmt.Fprint(p.out, backAndClear)
		p.drawn = false
	}
}
