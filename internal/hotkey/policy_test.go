package hotkey

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func newPolicy(t interface{ Fatal(...any) }, s Settings) *Policy {
	p, err := NewPolicy(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestSettings(t *testing.T) {
	for name, c := range map[string]struct {
		settings Settings
		says     string
	}{
		"report":            {Settings{Action: ActionReport}, ""},
		"limit":             {Settings{Action: ActionLimit, Rate: 10}, ""},
		"divert":            {Settings{Action: ActionDivert}, ""},
		"skip":              {Settings{Action: ActionSkip, Skip: []string{"a"}}, ""},
		"coalesce":          {Settings{Action: ActionCoalesce}, ""},
		"none":              {Settings{}, "none of report, limit, divert, skip, coalesce"},
		"limit to nothing":  {Settings{Action: ActionLimit}, "rate of 0"},
		"limit to less":     {Settings{Action: ActionLimit, Rate: -1}, "rate of -1"},
		"limit to too much": {Settings{Action: ActionLimit, Rate: 1e7}, "at most 1,000,000"},
		"an unused rate":    {Settings{Action: ActionDivert, Rate: 1}, "only the action limit uses"},
		"skip nothing":      {Settings{Action: ActionSkip}, "needs the keys"},
		"an unused list":    {Settings{Action: ActionReport, Skip: []string{"a"}}, "only the action skip uses"},
		"an empty key":      {Settings{Action: ActionSkip, Skip: []string{""}}, "an empty key"},
	} {
		err := c.settings.Check()
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
		if p, made := NewPolicy(c.settings); (made == nil) != (err == nil) || (p == nil) != (err != nil) {
			t.Errorf("%s: NewPolicy says %v", name, made)
		}
	}
}

// If this fails, messages are skipped or replaced that should be delivered.
func TestArrive(t *testing.T) {
	for _, action := range Actions() {
		s := Settings{Action: Action(action)}
		switch s.Action {
		case ActionLimit:
			s.Rate = 1
		case ActionSkip:
			s.Skip = []string{"listed"}
		}
		p := newPolicy(t, s)
		for _, key := range []string{"listed", "other"} {
			for _, hot := range []bool{false, true} {
				for _, queued := range []int{0, 1, 7} {
					want := Queue
					switch {
					case s.Action == ActionSkip && key == "listed":
						want = Skip
					case s.Action == ActionCoalesce && hot && queued > 0:
						want = Replace
					}
					if got := p.Arrive(key, hot, queued); got != want {
						t.Errorf("%s, %s, hot %v, %d queued: %v, want %v", action, key, hot, queued, got, want)
					}
				}
			}
		}
	}
}

// If this fails, a hot key leaves faster than its rate, or slower although it could, or
// other keys wait for it.
func TestLimit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rate := rapid.SampledFrom([]float64{0.5, 1, 10, 333}).Draw(t, "rate")
		p := newPolicy(t, Settings{Action: ActionLimit, Rate: rate})
		interval := time.Duration(float64(time.Second) / rate)
		now := time.Unix(0, 0)
		last := map[string]time.Time{}
		for range rapid.IntRange(1, 300).Draw(t, "messages") {
			now = now.Add(time.Duration(rapid.Int64Range(0, int64(interval)).Draw(t, "later")))
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			if d := p.Depart("cold", false, 3, now); d.Wait != 0 || d.Divert {
				t.Fatalf("a key that is not hot: %+v", d)
			}
			d := p.Depart(key, true, 3, now)
			due := now
			if before, ok := last[key]; ok && before.Add(interval).After(now) {
				due = before.Add(interval)
			}
			if d.Divert || d.Wait != due.Sub(now) {
				t.Fatalf("%s waits %s, want %s: the last one left at %v, it is %v", key, d.Wait, due.Sub(now), last[key], now)
			}
			if d.Wait == 0 {
				last[key] = now
			}
		}
	})
}

// If this fails, each key that was ever hot is remembered.
func TestLimitForgets(t *testing.T) {
	p := newPolicy(t, Settings{Action: ActionLimit, Rate: 100})
	now := time.Unix(0, 0)
	for i := range 100_000 {
		now = now.Add(time.Millisecond)
		p.Depart(fmt.Sprint(i), true, 0, now)
	}
	if len(p.next) > 2*minPruned {
		t.Errorf("%d keys are remembered", len(p.next))
	}
	p.Depart("99999", false, 0, now)
	if _, known := p.next["99999"]; known {
		t.Error("a key that is no longer hot is remembered")
	}
}

// If this fails, messages of a key take the two routes in turn, so that one overtakes
// those that wait on the other.
func TestDivertedKeyStaysDivertedWhileItsMessagesWait(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPolicy(t, Settings{Action: ActionDivert})
		waiting, diverted := 0, false
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			if rapid.Bool().Draw(t, "arrives") {
				waiting++
			}
			if waiting == 0 || !rapid.Bool().Draw(t, "leaves") {
				continue
			}
			hot := rapid.Bool().Draw(t, "hot")
			waiting--
			d := p.Depart("a", hot, waiting, time.Time{})
			if want := hot || diverted; d.Divert != want || d.Wait != 0 {
				t.Fatalf("%+v, want divert %v", d, want)
			}
			diverted = d.Divert && waiting > 0
		}
		if len(p.diverted) > 1 || waiting == 0 && len(p.diverted) > 0 {
			t.Fatalf("%v is remembered, and %d messages wait", p.diverted, waiting)
		}
		p.Forget("a")
		if p.Depart("a", false, 0, time.Time{}).Divert || p.Depart("b", false, 0, time.Time{}).Divert {
			t.Fatal("a key of which nothing is left is diverted")
		}
	})
}

// If this fails, an action other than limit or divert delays or diverts messages.
func TestOtherActionsLetMessagesLeave(t *testing.T) {
	for _, s := range []Settings{{Action: ActionReport}, {Action: ActionSkip, Skip: []string{"a"}}, {Action: ActionCoalesce}} {
		for range 3 {
			if d := newPolicy(t, s).Depart("b", true, 5, time.Time{}); d != (Departure{}) {
				t.Errorf("%s: %+v", s.Action, d)
			}
		}
	}
}
