package demo

import (
	"bytes"
	"encoding/xml"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// told returns a spike as it would be if the inside stored 20,000 tweets/s, and what the
// demo says about it.
func told(t *testing.T, terminal bool) (*spike, *bytes.Buffer) {
	t.Helper()
	story, err := readStory(10)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	dir := t.TempDir()
	s := newSpike(story, Options{Speed: 10}, dir, newView(Options{Out: &out, Terminal: terminal}), &pipelines{})
	s.introduce()
	s.helped = 1 // no second process in a test of the numbers
	begin := time.Now()
	stored := int64(0)
	for second := range 83 {
		at := time.Duration(second) * time.Second
		held := 1 + story.shape.Count(at)
		stored = min(held-1, stored+20_000)
		if err := s.look(begin.Add(at), held, stored, held-1-stored); err != nil {
			t.Fatal(err)
		}
	}
	return s, &out
}

// If this fails, spike.yaml is not what the demo says: its rates, or its length of about a
// minute and a half.
func TestTheStoryIsThatOfTheFile(t *testing.T) {
	s, err := readStory(10)
	if err != nil {
		t.Fatal(err)
	}
	if s.shape.Length() != 82*time.Second || s.peak != 50_000 || len(s.chapters) != 6 {
		t.Errorf("%s with a peak of %v in %d chapters", s.shape.Length(), s.peak, len(s.chapters))
	}
	for name, want := range map[string]float64{"Super Bowl": 20_000, "25,000/s": 25_000, "flash mob": 50_000, "two instances": 25_000} {
		for _, c := range s.chapters {
			if rate := s.shape.Rate(c.at + 2*time.Second); c.name == name && rate != want {
				t.Errorf("%s has %v tweets/s, want %v", name, rate, want)
			}
		}
	}
	for at := range 8 {
		if rate := s.shape.Rate(time.Duration(at) * time.Second); rate < 6000 || rate > 8000 {
			t.Errorf("an ordinary day has %v tweets/s", rate)
		}
	}
}

// If this fails, the rows have wrong numbers, or do not fit into 80 columns.
func TestASpikeIsToldInRows(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		s, out := told(t, terminal)
		for line := range strings.Lines(out.String()) {
			if line = strings.TrimPrefix(line, clearLine); len(line) > 80 {
				t.Errorf("%d columns: %s", len(line)-1, line)
			}
		}
		for _, want := range []string{"6,000 to 8,000 tweets/s", "20,000 tweets/s", "flash mob", "catches up", "two instances", "it grows", "13m40s take 1m22s"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
		// 5,000/s for 13.5 s, 30,000/s for 4 s, less in the ramps.
		if most := s.mostLag(0, 60*time.Second); most < 175_000 || most > 190_000 {
			t.Errorf("the lag is at most %d tweets", most)
		}
		if s.caughtUp < 53*time.Second || s.caughtUp > 57*time.Second {
			t.Errorf("it has caught up after %s", s.caughtUp)
		}
		n := s.before(45 * time.Second)
		if left := (s.caughtUp - n.at).Seconds(); n.catchUp() != "11s" && n.catchUp() != "10s" && n.catchUp() != "12s" {
			t.Errorf("%s before, it says %s", time.Duration(left)*time.Second, n.catchUp())
		}
	}
}

// If this fails, the dashboard shows half of what two instances do, or a fault before the
// second one is started.
func TestTheDashboardShowsBothInstances(t *testing.T) {
	p := pipelines{o: Options{Spike: true}, at: addresses{ingest: "a:1", second: "a:2", generate: "a:3"}}
	second := metricsOf(p.at.second)
	if !slices.Contains(p.metrics(), second) || !p.silent(second) || p.silent(metricsOf(p.at.ingest)) {
		t.Errorf("before it is started: %q", p.metrics())
	}
	p.second.Store(&process.Process{})
	if p.silent(second) {
		t.Error("it is not asked once it is started")
	}
	p.o.Spike = false
	if slices.Contains(p.metrics(), second) {
		t.Error("a demo without a spike has a second instance")
	}
}

// If this fails, the end of a spike is not told by the ledger of its edge.
func TestASpikeIsSummedUp(t *testing.T) {
	s, out := told(t, false)
	out.Reset()
	if err := s.summary(); err == nil {
		t.Error("a summary without a ledger succeeds")
	}
	ledger := `{"tweets":1460050,"acknowledged":1460000,"missed":1234}`
	if err := os.WriteFile(filepath.Join(s.dir, ledgerName), []byte(ledger), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := s.summary(); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"taken 1,460,000 of 1,460,050 tweets, 1,234 of them more than a second late", "catch-up  ", "instances at 25,000/s"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

// If this fails, the picture is not XML, or has values that no chart can have.
func TestThePictureOfASpike(t *testing.T) {
	s, _ := told(t, false)
	file := filepath.Join(t.TempDir(), "spike.svg")
	if err := s.writePicture(file); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	curves := 0
	for d := xml.NewDecoder(bytes.NewReader(text)); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "path" {
			curves++
		}
	}
	if curves < 4 || strings.Contains(string(text), "NaN") || strings.Contains(string(text), "+Inf") || strings.Contains(string(text), "%!") {
		t.Errorf("%d curves in\n%s", curves, text)
	}
	if err := s.writePicture(filepath.Join(file, "below", "a", "file")); err == nil {
		t.Error("a picture is written below a file")
	}
}
