package demo

import (
	"fmt"
	"io"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// quietBuild is how often a step of the build is shown where nobody watches.
const quietBuild = 5 * time.Second

// clearLine goes back to the start of a terminal's line and empties it.
const clearLine = "\r\x1b[K"

// buildProgress shows what is compiled when InfluxDB is not in the cache yet:
// on a terminal in one line, elsewhere now and then.
type buildProgress struct {
	out      io.Writer
	terminal bool
	steps    int
	last     time.Time
}

func (p *buildProgress) step(text string) {
	if p.steps++; p.steps == 1 {
		fmt.Fprintf(p.out, "Building InfluxDB %s from its source, which takes some minutes; the next demo finds it in the cache.\n", influxd.V1)
	}
	switch {
	case p.terminal:
		fmt.Fprintf(p.out, clearLine+"  %d  %.70s", p.steps, text)
	case time.Since(p.last) > quietBuild:
		p.last = time.Now()
		fmt.Fprintf(p.out, "  %d  %s\n", p.steps, text)
	}
}

// end makes room for what comes behind the build.
func (p *buildProgress) end() {
	if p.terminal && p.steps > 0 {
		fmt.Fprint(p.out, clearLine)
	}
}
