package track

import (
	"fmt"
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

// What would break: the input is not connected while a partition is read, or its error
// names another partition each time, which is logged each time.
func TestAllStoppedNamesTheFirst(t *testing.T) {
	var ids []ID
	var assigned []Assigned
	for _, topic := range []string{"a", "b"} {
		for p := range int32(20) {
			ids = append(ids, ID{topic, p})
			assigned = append(assigned, Assigned{ID: ID{topic, p}})
		}
	}
	tr := New(Config{Topics: Topics{"a": {}, "b": {}}})
	tr.Assign(assigned, time.Now())
	for i, p := range tr.Partitions() {
		if n, _, _ := tr.AllStopped(); n != 0 {
			t.Fatalf("%d are stopped, and all of them are", i)
		}
		p.Stop(fmt.Errorf("reason %v", ids[i]))
	}
	n, first, why := tr.AllStopped()
	if n != len(ids) || first != ids[0] || why.Error() != fmt.Sprintf("reason %v", ids[0]) {
		t.Errorf("got %d, %v, %v, want %d and %v", n, first, why, len(ids), ids[0])
	}
}
