package demo_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a spike loses tweets, or the story of it does not come to its end. A
// fourth as long as a person sees it; a second instance has then hardly time to join.
func TestDemoOfASpike(t *testing.T) {
	t.Parallel()
	spikeTold(t, "--speed", "40")
}

// The whole spike. If this fails, the inside holds the backlog in memory instead of
// leaving it in Kafka, the edge waits for the inside, or two instances are not enough for
// 25,000 tweets/s.
func TestDemoOfAWholeSpike(t *testing.T) {
	if os.Getenv("BRANDPULSE_TEST_FULL") == "" {
		t.Skip("takes 90 s: set BRANDPULSE_TEST_FULL=1")
	}
	log := spikeTold(t)
	if !strings.Contains(log, "none more than a second late") {
		t.Error("the edge waits")
	}
	if most := figure(t, log, `and ([\d,]+) after the flash mob`); most < 100_000 || most > 400_000 {
		t.Errorf("the lag is at most %d tweets", most)
	}
	low, high := figure(t, log, `of the inside from (\d+) to`), figure(t, log, `of the inside from \d+ to (\d+) MiB`)
	if high-low > 15 {
		t.Errorf("the memory is between %d and %d MiB, and the backlog has 25 MiB", low, high)
	}
	if behind := figure(t, log, `two +instances at 25,000/s: a lag of at most ([\d,]+)`); behind > 37_500 {
		t.Errorf("two instances are behind by %d tweets", behind)
	}
}

func spikeTold(t *testing.T, args ...string) (log string) {
	t.Helper()
	picture := filepath.Join(t.TempDir(), "spike.svg")
	p := start(t, append([]string{"--spike", "--dashboard=false", "--picture", picture}, args...)...)
	if code := p.Wait(t, patience); code != 0 {
		t.Fatalf("exit code %d, want 0", code)
	}
	log = p.Log(t)
	for _, want := range []string{"flash mob", "\nequal\n", "audit     equal", "Kafka has taken "} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is missing in\n%s", want, log)
		}
	}
	if most := figure(t, log, `and ([\d,]+) after the flash mob`); most < 20_000 {
		t.Errorf("the lag is at most %d tweets: the inside does not bend", most)
	}
	if text, err := os.ReadFile(picture); err != nil || !strings.Contains(string(text), "</svg>") {
		t.Errorf("the picture: %v", err)
	}
	return log
}

func figure(t *testing.T, log, pattern string) int {
	t.Helper()
	found := regexp.MustCompile(pattern).FindStringSubmatch(log)
	if found == nil {
		t.Fatalf("%s is not in\n%s", pattern, log)
	}
	n, err := strconv.Atoi(strings.ReplaceAll(found[1], ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// If this fails, a setting that has no effect on a spike is accepted.
func TestDemoOfASpikeRefusesOtherSettings(t *testing.T) {
	t.Parallel()
	for says, args := range map[string][]string{
		"--count has no effect on --spike": {"--spike", "--count", "10"},
		"--rate has no effect on --spike":  {"--spike", "--rate", "10"},
		"--speed is that of --spike":       {"--speed", "20"},
		"leave out --crash and --stock":    {"--spike", "--crash"},
	} {
		p := testenv.Start(t, testenv.Command{Args: append([]string{"demo"}, args...)})
		if code := p.Wait(t, 30*time.Second); code != 1 || !strings.Contains(p.Log(t), says) {
			t.Errorf("%q: exit code %d:\n%s", args, code, p.Log(t))
		}
	}
}
