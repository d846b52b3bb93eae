package demo

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// buildProgress is the progress of a build of InfluxDB.
type buildProgress struct {
	now func() time.Time

	mu       sync.Mutex
	begin    time.Time // zero: nothing is being built
	packages int
	text     string // current step
	notes    []string
}

func newBuildProgress() *buildProgress { return &buildProgress{now: time.Now} }

// step records a line of the build's output.
func (p *buildProgress) step(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begin.IsZero() {
		p.begin = p.now()
	}
	switch {
	case strings.HasPrefix(line, "go: "):
		p.text = line[len("go: "):]
	case !strings.Contains(line, " "): // a package, as printed by `go build -v`
		p.packages++
		p.text = line
	case strings.HasPrefix(line, "building InfluxDB"): // as the intro says
	default:
		p.text = line
		if len(p.notes) < maxNotes {
			p.notes = append(p.notes, line)
		}
	}
}

// lineWidth keeps a line below the 80 columns of a terminal.
const lineWidth = 79

// maxNotes bounds how many lines of a failing build are kept.
const maxNotes = 50

// buildStatus is a line about an InfluxDB that is not up yet, with texts to print once
// before it if it is being built.
type buildStatus struct {
	intro, line string
	notes       []string // texts to print, each once
}

func (p *buildProgress) status() buildStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.begin.IsZero() {
		return buildStatus{line: "InfluxDB is starting."}
	}
	notes := p.notes
	p.notes = nil
	return buildStatus{
		notes: notes,
		intro: fmt.Sprintf("Building InfluxDB %s from source, once: %s.\nMeanwhile tweets go into Kafka. They are stored as soon as InfluxDB is up.",
			influxd.V1, buildTime(runtime.NumCPU())),
		line: p.line(),
	}
}

// line returns the state of the build in lineWidth columns. It must be called with mu held.
func (p *buildProgress) line() string {
	line := fmt.Sprintf("InfluxDB: %s, %d of %d packages  ", p.now().Sub(p.begin).Round(time.Second), p.packages, max(p.packages, influxd.PackagesV1))
	text := p.text
	if room := lineWidth - utf8.RuneCountInString(line); utf8.RuneCountInString(text) > room {
		runes := []rune(text)
		text = "…" + string(runes[len(runes)-room+1:]) // the end of a path is the most useful part
	}
	return line + text
}

// buildTime estimates the duration of the build, once its modules are downloaded.
func buildTime(cores int) string {
	switch {
	case cores <= 2:
		return "one to two minutes on two cores"
	case cores <= 4:
		return "about a minute"
	default:
		return "half a minute to a minute"
	}
}
