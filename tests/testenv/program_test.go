package testenv

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func config(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

const endless = `
input:
  generate:
    mapping: 'root = "${GREETING}"'
    interval: 10ms
pipeline:
  processors:
    - metric:
        type: counter
        name: greetings
        labels: { word: "${GREETING}" }
output:
  drop: {}
`

func TestProgramRunsAndIsKilledPausedAndStarted(t *testing.T) {
	t.Setenv("GREETING", "from the shell of the user")
	p := Start(t, Command{Config: config(t, endless), Env: map[string]string{"GREETING": "hello"}})
	p.Ready(t, time.Minute)
	greetings := func() float64 {
		t.Helper()
		metrics, err := p.Metrics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if other := metrics.Sum("greetings", "word", "from the shell of the user"); other != 0 {
			t.Fatal("the user's environment got in")
		}
		return metrics.Sum("greetings", "word", "hello")
	}
	rising := func() {
		t.Helper()
		before := greetings()
		Eventually(t, 10*time.Second, "the counter rises", func() error {
			if greetings() > before {
				return nil
			}
			return os.ErrDeadlineExceeded
		})
	}
	rising()

	p.Pause(t)
	p.Resume(t)
	rising()

	if peak := p.PeakRSS(t); peak < 10<<20 || peak > 2<<30 {
		t.Fatalf("used %d bytes", peak)
	}
	p.Kill(t)
	if p.Running() {
		t.Fatal("runs after it was killed")
	}
	first := p.Log(t)
	p.Restart(t)
	p.Ready(t, time.Minute)
	if log := p.Log(t); !strings.HasPrefix(log, first) || len(log) == len(first) {
		t.Fatal("the log of the second run does not follow that of the first")
	}
	if peak := p.PeakRSS(t); peak < 10<<20 {
		t.Fatalf("used %d bytes", peak)
	}
	if code := p.Stop(t); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, p.Log(t))
	}
}

func TestProgramEndsByItself(t *testing.T) {
	counted := `
input:
  generate: { mapping: 'root = "x"', count: 3, interval: "" }
output:
  stdout: {}
`
	p := Start(t, Command{Config: config(t, counted), Args: []string{"--set", "input.generate.count=5"}})
	if code := p.Wait(t, time.Minute); code != 0 || strings.Count(p.Log(t), "x\n") != 5 {
		t.Fatalf("exit code %d:\n%s", code, p.Log(t))
	}
	broken := Start(t, Command{Config: config(t, "input: { no_such: {} }")})
	if code := broken.Wait(t, time.Minute); code == 0 || !strings.Contains(broken.Log(t), "no_such") {
		t.Fatalf("exit code %d:\n%s", code, broken.Log(t))
	}
	help := Start(t, Command{Args: []string{"--help"}})
	if code := help.Wait(t, time.Minute); code != 0 || !strings.Contains(help.Log(t), "USAGE") {
		t.Fatalf("exit code %d:\n%s", code, help.Log(t))
	}
}

// If this fails, a test that stops a program it has just started gets the exit code of
// a killed one.
func TestStopWaitsUntilTheProgramHandlesSignals(t *testing.T) {
	p := Start(t, Command{Config: config(t, endless), Env: map[string]string{"GREETING": "hello"}})
	for range 3 {
		if code := p.Stop(t); code != 0 {
			t.Fatalf("exit code %d:\n%s", code, p.Log(t))
		}
		p.Restart(t)
	}
	p.Pause(t)
	if code := p.Stop(t); code != 0 && code != -1 {
		t.Fatalf("exit code %d:\n%s", code, p.Log(t))
	}
}
