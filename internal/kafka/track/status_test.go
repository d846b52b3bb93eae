package track

import (
	"testing"
	"time"
)

// What would break: an alert on the age of what is not stored does not fire, or
// fires of what is well.
func TestLagTime(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	at := func(t time.Time) Position { return Position{Offset: 10, Time: t.UnixMilli()} }
	unknown := Position{Offset: 10, Time: -1}
	for name, test := range map[string]struct {
		acked    Position
		spans    []time.Time // of batches that are fetched
		end      int64
		caughtUp time.Time
		want     time.Duration
	}{
		"nothing left, the last record long ago":               {acked: at(ago(time.Hour)), end: 10},
		"after a restart in an outage":                         {acked: unknown, spans: []time.Time{ago(3 * time.Hour), ago(time.Hour)}, end: 12, want: 3 * time.Hour},
		"after a restart, nothing is fetched for want of room": {acked: unknown, end: 12, want: time.Minute},
		"the first record after a pause":                       {acked: at(ago(time.Hour)), spans: []time.Time{ago(time.Second)}, end: 11, caughtUp: ago(2 * time.Second), want: time.Second},
		"the same, and it is not fetched yet":                  {acked: at(ago(time.Hour)), end: 11, caughtUp: ago(2 * time.Second), want: 2 * time.Second},
		"amid a backlog, all that is fetched acknowledged":     {acked: at(ago(3 * time.Hour)), end: 1000, want: 3 * time.Hour},
		"clocks differ": {acked: at(ago(time.Hour)), spans: []time.Time{now.Add(time.Second)}, end: 11},
	} {
		t.Run(name, func(t *testing.T) {
			p := New(Config{}).newPartition(ID{"t", 0}, [16]byte{}, FetchedCommit{Offset: 10})
			p.came = ago(time.Minute)
			p.begin(test.acked)
			p.caughtUp = test.caughtUp
			for i, written := range test.spans {
				p.acked.add(Position{Offset: 11 + int64(i), Time: written.UnixMilli()})
			}
			if p.lagTime(now) != 0 {
				t.Error("it is late, though nobody knows of a lag")
			}
			p.noteEnd(test.end)
			if got := p.lagTime(now); got != test.want {
				t.Errorf("%s behind, want %s", got, test.want)
			}
		})
	}
}
