package loglimit

import (
	"testing"
	"time"
)

// What would break: the log fills with one line, or a line with news is missing.
func TestALineIsDueOncePerPeriod(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	at := func(d time.Duration) time.Time { return start.Add(d) }
	var l Limiter
	for _, step := range []struct {
		text string
		at   time.Duration
		want bool
	}{
		{"a", 0, true},
		{"a", 59 * time.Second, false},
		{"b", 59 * time.Second, true},
		{"b", 118 * time.Second, false},
		{"b", 119 * time.Second, true},
		{"a", 119 * time.Second, true},
	} {
		if got := l.Due(step.text, at(step.at)); got != step.want {
			t.Errorf("%q is due after %s: %v", step.text, step.at, got)
		}
	}
}

func TestWhatHasNoLineIsCounted(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := Limiter{Period: time.Second}
	if total, due := l.DueOf(5, start); !due || total != 5 {
		t.Fatalf("the first: %d, %v", total, due)
	}
	for range 3 {
		if _, due := l.DueOf(2, start.Add(time.Millisecond)); due {
			t.Fatal("a second line is due at once")
		}
	}
	if wait := l.Wait(start.Add(time.Millisecond)); wait != 999*time.Millisecond {
		t.Errorf("the next is due in %s", wait)
	}
	for _, want := range []int64{7, 1} {
		start = start.Add(time.Second)
		if total, due := l.DueOf(1, start); !due || total != want {
			t.Errorf("a second later: %d, %v, want %d", total, due, want)
		}
	}
}
