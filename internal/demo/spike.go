package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

const (
	// A row of the table covers this many seconds, without a terminal more.
	spikeRows, quietSpikeRows = 2, 4
	// current is the time over which the rates of a row are measured.
	current = 3 * time.Second
	// upToDate is the lag, in seconds at the rate of the edge, that no reader is without:
	// tweets are generated, fetched and written by the tenth of a second.
	upToDate = 1.5
	// joining is how long before its chapter the second instance is started at the
	// latest: it takes some seconds to start and to get its partitions.
	joining = 6 * time.Second
)

// spike tells the story of a spike while it happens: the edge writes every tweet to
// Kafka, the inside reads as many as it can store.
type spike struct {
	*story
	view  *view
	pipes *pipelines
	dir   string
	speed float64
	// pictured is the file for the picture.
	pictured string

	begin    time.Time // of the first tweet; zero before
	told     int       // chapters
	seconds  int
	samples  []sample
	caughtUp time.Duration // when the inside had caught up with the flash mob; 0 before
	helped   time.Duration // when the second instance was started; 0 before
}

// sample is the state of the demo at a time.
type sample struct {
	at           time.Duration
	held, stored int64
	lag          int64 // tweets
	memory       int64 // of all instances of the inside, in bytes; 0 if not known
	instances    int
	// Measured over the last seconds, in tweets/s.
	edge, inside float64
}

func newSpike(s *story, o Options, dir string, v *view, pipes *pipelines) *spike {
	return &spike{story: s, view: v, pipes: pipes, dir: dir, speed: o.Speed, pictured: o.Picture}
}

func (s *spike) introduce() {
	minutes := time.Duration(float64(s.shape.Length()) * s.speed)
	s.view.say("A day with a spike, after \"Bend, Don't Break\" by Gnip. Scaled in time, not in\nrates: %s take %s. The edge (%s) writes every tweet to Kafka.\nThe inside (exact.yaml) is limited to %s tweets/s, with %s in flight.",
		about(minutes), about(s.shape.Length()), spikeConfig, humanize.Comma(insideLimit), insideBytes)
}

// look tells what happens, once a second. lag is what Kafka held when stored was asked
// for, and InfluxDB did not.
func (s *spike) look(now time.Time, held, stored, lag int64) error {
	if s.begin.IsZero() {
		if held == 0 {
			return nil
		}
		s.begin = now
	}
	at := now.Sub(s.begin)
	for s.told < len(s.chapters) && at >= s.chapters[s.told].at {
		s.view.say("\n%s", s.chapters[s.told].says)
		s.told++
	}
	next := sample{at: at, held: held, stored: stored, lag: lag, memory: s.pipes.insideMemory(), instances: 1}
	if s.helped > 0 {
		next.instances = 2
	}
	before := s.before(at - current)
	if span := (at - before.at).Seconds(); span > 0 {
		next.edge, next.inside = float64(held-before.held)/span, float64(stored-before.stored)/span
	}
	s.samples = append(s.samples, next)
	if s.seconds%s.everySeconds() == 0 {
		s.row(next)
	}
	s.seconds++
	return s.help(next)
}

func (s *spike) everySeconds() int {
	if s.view.terminal {
		return spikeRows
	}
	return quietSpikeRows
}

// before returns the last sample up to a time, or the first.
func (s *spike) before(at time.Duration) sample {
	if len(s.samples) == 0 {
		return sample{}
	}
	for _, old := range slices.Backward(s.samples) {
		if old.at <= at {
			return old
		}
	}
	return s.samples[0]
}

// help starts the second instance when the first has caught up after the flash mob, or
// when it is time.
func (s *spike) help(now sample) error {
	if now.at < s.last(2).at+current {
		return nil
	}
	if s.caughtUp == 0 && now.upToDate() {
		s.caughtUp = now.at
		s.view.say("The inside has caught up. A second instance of it is started, which takes half\nof the partitions.")
	}
	if s.helped > 0 || s.caughtUp == 0 && now.at < s.last(1).at-joining {
		return nil
	}
	if s.caughtUp == 0 {
		s.view.say("A second instance of the inside is started, which takes half of the partitions.")
	}
	s.helped = now.at
	return s.pipes.startSecond()
}

func (n sample) upToDate() bool { return float64(n.lag) <= upToDate*max(n.edge, 1000) }

// catchUp returns when the inside will have caught up, as text.
func (n sample) catchUp() string {
	faster := n.inside - n.edge
	switch {
	case n.upToDate():
		return "-"
	case faster <= n.inside/50:
		return "it grows"
	default:
		return about(time.Duration(float64(n.lag) / faster * float64(time.Second)))
	}
}

var spikeColumns = []column{{"elapsed", 8}, {"edge/s", 11}, {"inside/s", 11}, {"lag", 12}, {"caught up in", 15}, {"memory inside", 16}}

func (s *spike) row(n sample) {
	if s.view.rows%rowsPerHeader == 0 {
		s.view.cells(spikeColumns, func(i int) string { return spikeColumns[i].name })
	}
	s.view.rows++
	memory := "-"
	if n.memory > 0 {
		memory = fmt.Sprintf("%d MiB", n.memory>>20)
		if n.instances > 1 {
			memory = fmt.Sprintf("2 x %d MiB", n.memory>>21)
		}
	}
	values := []string{
		about(n.at), humanize.Comma(int64(n.edge)), humanize.Comma(int64(n.inside)), humanize.Comma(n.lag), n.catchUp(), memory,
	}
	s.view.cells(spikeColumns, func(i int) string { return values[i] })
}

// about returns a duration in whole seconds.
func about(d time.Duration) string { return d.Round(time.Second).String() }

// end compares Kafka and InfluxDB by the command audit, and tells what has happened.
func (s *spike) end(ctx context.Context) (equal bool, err error) {
	code, printed, err := s.pipes.audit(ctx)
	if err != nil {
		return false, err
	}
	if err := s.summary(); err != nil {
		return false, err
	}
	if code != 0 {
		s.view.say("audit     exit code %d:\n%s", code, printed)
		return false, nil
	}
	s.view.say("audit     equal, by second, brand and sentiment")
	if s.pictured != "" {
		return true, s.writePicture(s.pictured)
	}
	return true, nil
}

// summary tells what has happened, by the samples and the ledger of the edge.
func (s *spike) summary() error {
	text, err := os.ReadFile(s.ledger())
	if err != nil {
		return fmt.Errorf("reading the ledger of the edge: %w", err)
	}
	var ledger struct{ Tweets, Acknowledged, Missed int64 }
	if err := json.Unmarshal(text, &ledger); err != nil {
		return fmt.Errorf("reading the ledger of the edge: %w", err)
	}
	var b strings.Builder
	line := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s%s\n", name, fmt.Sprintf(format, args...))
	}
	fmt.Fprintln(&b)
	took := "none more than a second late"
	if ledger.Missed > 0 {
		took = humanize.Comma(ledger.Missed) + " of them more than a second late"
	}
	alone, two := s.alone(), s.last(1).at
	line("edge", "Kafka has taken %s of %s tweets, %s", humanize.Comma(ledger.Acknowledged), humanize.Comma(ledger.Tweets), took)
	line("lag", "at most %s tweets at 20,000/s, and %s after the flash mob", humanize.Comma(s.mostLag(0, s.chapters[2].at)), humanize.Comma(s.mostLag(0, alone)))
	if s.caughtUp > 0 {
		line("catch-up", "%s after the flash mob", about(s.caughtUp-s.last(2).at))
	}
	if low, high := s.memory(s.chapters[1].at, alone); high > 0 {
		line("memory", "of the inside from %d to %d MiB while the lag grew and shrank", low>>20, high>>20)
	}
	if s.helped > 0 && s.samples[len(s.samples)-1].at > two+current {
		line("two", "instances at 25,000/s: a lag of at most %s tweets", humanize.Comma(s.mostLag(two+current, s.shape.Length())))
	}
	s.view.say("%s", strings.TrimRight(b.String(), "\n"))
	return nil
}

// alone returns until when the inside had one instance.
func (s *spike) alone() time.Duration {
	if s.helped > 0 {
		return s.helped
	}
	return s.shape.Length()
}

func (s *spike) between(from, to time.Duration) []sample {
	var some []sample
	for _, n := range s.samples {
		if n.at >= from && n.at <= to {
			some = append(some, n)
		}
	}
	return some
}

func (s *spike) mostLag(from, to time.Duration) (most int64) {
	for _, n := range s.between(from, to) {
		most = max(most, n.lag)
	}
	return most
}

func (s *spike) fastest(from, to time.Duration) (most float64) {
	for _, n := range s.between(from, to) {
		most = max(most, n.inside)
	}
	return most
}

func (s *spike) memory(from, to time.Duration) (low, high int64) {
	for _, n := range s.between(from, to) {
		if low == 0 || n.memory < low {
			low = n.memory
		}
		high = max(high, n.memory)
	}
	return low, high
}

func (s *spike) ledger() string { return filepath.Join(s.dir, ledgerName) }

const ledgerName = "ledger.json"

// insideMemory returns the memory of all instances of the inside, 0 if it is not known.
func (p *pipelines) insideMemory() (sum int64) {
	for _, child := range []*process.Process{p.ingest, p.second.Load()} {
		if child != nil {
			rss, err := child.RSS()
			if err != nil {
				return 0
			}
			sum += rss
		}
	}
	return sum
}
