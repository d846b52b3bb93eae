package demo

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
)

// If this fails, the reason is cut off, or hidden behind lines that are no errors.
func TestLastErrorOfALog(t *testing.T) {
	log := `level=error msg="old"
time="t" level=error msg="testing a write to bucket \"b\": status 404 (check url)" @service=benthos label=""
time="t" level=info msg="later"`
	if got := lastError(log); got != `testing a write to bucket "b": status 404 (check url)` {
		t.Error(got)
	}
	if got := lastError("panic: x\n"); got != "panic: x" {
		t.Error(got)
	}
	got := lastError(strings.Repeat("é", 200) + strings.Repeat(" word", 1000))
	lines := strings.Split(got, "\n")
	if len(lines) != maxErrorLines+1 {
		t.Errorf("%d lines", len(lines))
	}
	for _, line := range lines {
		if utf8.RuneCountInString(line) > lineWidth {
			t.Errorf("too wide: %s", line)
		}
	}
}

// If this fails, the demo threatens data that it keeps, or deletes data without a
// warning.
func TestWarningNamesOnlyTheDemosOwnServers(t *testing.T) {
	influx := InfluxOptions{URL: "http://localhost:8086"}
	for want, o := range map[string]Options{
		"all topics and buckets here": {},
		"all topics here":             {Influx: influx},
		"all buckets here":            {KafkaBrokers: "localhost:9092"},
		"":                            {KafkaBrokers: "localhost:9092", Influx: influx},
	} {
		if got := lossText(o); !strings.Contains(got, want) || want == "" && got != "" || len(got) > lineWidth+1 {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// If this fails, a printed command is wider than the terminal.
func TestKeepTextFitsATerminal(t *testing.T) {
	k := &kafka{brokers: "127.0.0.1:9092", topic: "tweets", dead: "tweets_dead", group: "brandpulse-demo"}
	for _, stock := range []bool{false, true} {
		text := keepText(Options{Name: "brandpulse-connect", Stock: stock}, "/tmp/brandpulse-demo-1234567890", true, k, influxd.NewDatabase("http://127.0.0.1:8086", "o", "b", ""))
		for line := range strings.SplitSeq(text, "\n") {
			if utf8.RuneCountInString(line) > lineWidth {
				t.Errorf("%d columns: %s", len(line), line)
			}
		}
		if !strings.Contains(text, "run \\\n    /tmp/brandpulse-demo-1234567890/generate.yaml\n") {
			t.Errorf("the command is not continued:\n%s", text)
		}
	}
}
