package tweetgen

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// screen is a progress that draws into memory, and its log.
func screen(t *testing.T, yaml string, terminal bool) (p *progress, out, log *bytes.Buffer, count *tally) {
	t.Helper()
	c := testConfig(t, yaml)
	out, log = new(bytes.Buffer), new(bytes.Buffer)
	logger := service.NewLoggerFromSlog(slog.New(slog.NewTextHandler(log, nil)))
	count = newTally(service.MockResources().Metrics())
	p = newProgress(&c, count, make(chan struct{}), logger, "load", time.Now)
	p.terminal, p.out, p.width = terminal, out, func() int { return 80 }
	return p, out, log, count
}

// run lets the progress run for a while.
func run(p *progress, d time.Duration, during func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		p.run(ctx)
		close(done)
	}()
	synctest.Wait()
	during()
	time.Sleep(d)
	cancel()
	<-done
}

func TestDisplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, log, count := screen(t, "count: 50000000\nrate: 600000", true)
		run(p, 17*time.Second, func() {
			count.delivered.Store(9_392_000)
			count.errors.Store(2)
			count.missed.Store(1234)
		})
		frames := strings.Split(out.String(), clearBelow)
		want := `BrandPulse tweet generator load
[▓▓▓▓▓▓▓▓▓▓░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░] 18.78%
├─ 9,392,000 / 50,000,000 tweets
├─ Throughput (current): 0 tweets/s
├─ Throughput (average): 552,471 tweets/s
├─ Elapsed: 00:00:17
├─ Remaining: 00:01:14
├─ Missed: 1,234
└─ Errors: 2
`
		if got := frames[len(frames)-1]; got != want {
			t.Errorf("the last frame is\n%s\nwant\n%s", got, want)
		}
		// A log line goes into the empty lines, where the cursor is left, and
		// so must not be painted over.
		for _, frame := range frames[1 : len(frames)-1] {
			if !strings.HasPrefix(frame, "\n\nBrandPulse") || !strings.HasSuffix(frame, "└─ Errors: 2\r\x1b[10A") || strings.Count(frame, "\n") != 10 {
				t.Fatalf("the cursor is not left at the top of %q", frame)
			}
		}
		if log.Len() > 0 {
			t.Errorf("beside the display it logs %s", log)
		}
	})
}

func TestDisplayWithoutEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, _, count := screen(t, "", true)
		run(p, time.Second, func() { count.delivered.Store(1000) })
		if got := out.String(); strings.Contains(got, "%") || strings.Contains(got, "Remaining") || strings.Contains(got, "Missed") {
			t.Errorf("an endless run shows an end: %q", got)
		}
	})
}

func TestDisplayOfADurationIsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, _, _ := screen(t, "duration: 40s", true)
		run(p, 10*time.Second, func() {})
		if got := out.String(); !strings.Contains(got, "25.00%") || !strings.Contains(got, "Remaining: 00:00:30") {
			t.Errorf("after a quarter of the duration: %q", got)
		}
	})
}

// The last batch is made before the time is over, and a run that has delivered
// everything must not end at 98 %.
func TestDisplayEndsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, _, _ := screen(t, "duration: 10s", true)
		finished := make(chan struct{})
		p.finished = finished
		run(p, 9*time.Second, func() { close(finished) })
		if got := out.String(); !strings.Contains(got, " 100.00%") || !strings.Contains(got, "Remaining: 00:00:00") {
			t.Errorf("at the end: %q", got)
		}
	})
}

// A line that wraps is counted as one when the cursor goes up, and the display
// would walk down the screen.
func TestDisplayFitsANarrowTerminal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _, count := screen(t, "count: 50000000\nrate: 5", true)
		count.delivered.Store(49_999_999)
		p.start = time.Now()
		for _, width := range []int{12, 20, 30} {
			for _, line := range p.lines(width) {
				if n := len([]rune(line)); n >= width {
					t.Errorf("%q has %d columns of %d", line, n, width)
				}
			}
		}
	})
}

func TestCurrentThroughputIsThatOfTheLastSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, _, _, count := screen(t, "", true)
		p.start = time.Now()
		for range 50 { // 10 s at 1000 tweets/s, then 10 s at 5000
			time.Sleep(displayEvery)
			count.delivered.Add(200)
			p.measure()
		}
		for range 49 {
			time.Sleep(displayEvery)
			count.delivered.Add(1000)
			p.measure()
		}
		time.Sleep(displayEvery)
		count.delivered.Add(1000)
		if f := p.measure(); f.current != 5000 || f.average != 3000 {
			t.Errorf("current %v, average %v, want 5000 and 3000", f.current, f.average)
		}
		if len(p.recent) > 20 {
			t.Errorf("%d samples are kept", len(p.recent))
		}
	})
}

func TestWithoutTerminalItLogsEveryTenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, out, log, count := screen(t, "count: 1000\nrate: 50", false)
		run(p, 25*time.Second, func() { count.delivered.Store(500) })
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 3 || out.Len() > 0 {
			t.Errorf("%d lines, want 2 and a last one:\n%s%s", len(lines), log, out)
		}
		want := `BrandPulse tweet generator load: 500 / 1,000 tweets \(50.0%\), .* tweets/s now, 50 tweets/s on average, elapsed 00:00:10, remaining 00:00:10, errors 0, missed 0`
		if !regexp.MustCompile(want).MatchString(lines[0]) {
			t.Errorf("logged %s", lines[0])
		}
	})
}

func TestModesOfProgress(t *testing.T) {
	for mode, want := range map[string]struct{ draws, logs bool }{
		"always": {draws: true}, "never": {}, "auto": {logs: true},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, out, log, _ := screen(t, "progress: "+mode, false)
			run(p, 11*time.Second, func() {})
			if (out.Len() > 0) != want.draws || (log.Len() > 0) != want.logs {
				t.Errorf("%s: draws %q, logs %q", mode, out, log)
			}
		})
	}
}

// Two displays would paint over each other.
func TestASecondDisplayLogsInstead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first, out1, _, _ := screen(t, "", true)
		second, out2, log2, _ := screen(t, "", true)
		run(first, time.Second, func() { run(second, 11*time.Second, func() {}) })
		if out1.Len() == 0 || out2.Len() > 0 || log2.Len() == 0 {
			t.Errorf("first draws %d bytes, second draws %q and logs %q", out1.Len(), out2, log2)
		}
		third, out3, _, _ := screen(t, "", true)
		run(third, time.Second, func() {})
		if out3.Len() == 0 {
			t.Error("the place of the first is not free again")
		}
	})
}
