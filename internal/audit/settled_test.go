package audit

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

// settling are marks, as dlq writes them.
type settling map[string]string

func (s settling) set(t rapid.TB, place string, m mark) {
	t.Helper()
	value, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	s["topic/tweets/"+place] = string(value)
}

func (s settling) point(t rapid.TB, p expected, outcome string, is *influxread.Point) {
	t.Helper()
	m := mark{Outcome: outcome, Was: pointInMark(p.Point)}
	if is != nil {
		m.Is = pointInMark(*is)
	}
	s.set(t, fmt.Sprintf("%d/%d-%d/%032x%d", p.partition, p.base, p.last, p.Nanos, len(s)), m)
}

func pointInMark(p influxread.Point) *markPoint {
	return &markPoint{Measurement: "tweets", Tags: map[string]string{"brand": p.Brand, "sentiment": p.Sentiment}, Time: p.Nanos, Count: &p.Count}
}

// runSettled runs an audit that reads these marks.
func (w *world) runSettled(t rapid.TB, marks settling) *Report {
	t.Helper()
	return w.run(t, func(o *Options) {
		o.Settlements = func(context.Context) (*settled, error) {
			applied := map[string]mark{}
			for key, value := range marks {
				if err := applyMark(applied, &kafkalog.Record{Key: []byte(key), Value: []byte(value)}, "tweets", [16]byte{}); err != nil {
					return nil, err
				}
			}
			return settledBy(applied, "tweets")
		}
	})
}

// If this fails, a tweet whose dead letter was replayed or dropped is reported as lost,
// or one that counts although its letter was replayed is not reported as counted twice.
func TestSettledRecordsAreEqual(t *testing.T) {
	eachCut(t, allCuts, func(t *rapid.T, w *world, all []expected) {
		victim := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
		marks, first, last := settling{}, victim.base, victim.last
		if w.cut == CutTweets {
			first, last = victim.offset, victim.offset
		}
		place := fmt.Sprintf("%d/%d-%d", victim.partition, first, last)
		if first == last {
			place = fmt.Sprintf("%d/%d", victim.partition, first)
		}
		stays := 0
		for _, p := range all {
			if inside := p.partition == victim.partition && p.offset >= first && p.offset <= last; inside {
				delete(w.points, p.Point)
			} else {
				stays++
			}
		}
		if stays == 0 {
			t.Skip("nothing is stored")
		}
		if r := w.runSettled(t, marks); r.Verdict != Different {
			t.Fatalf("without marks it is %s", r.Verdict)
		}
		marks.set(t, place, mark{Outcome: "replayed"})
		if r := w.runSettled(t, marks); r.Verdict != Equal || r.Settled == 0 {
			t.Fatalf("replayed: %+v", r)
		}
		w.points[victim.Point] = true
		if r := w.runSettled(t, marks); r.Verdict != Different || r.Surplus != victim.Count {
			t.Fatalf("replayed, and stored all the same: %+v", r)
		}
		marks.set(t, place, mark{Outcome: "dropped"})
		if r := w.runSettled(t, marks); r.Verdict != Equal {
			t.Fatalf("dropped, and stored before: %+v", r)
		}
		delete(w.points, victim.Point)
		if r := w.runSettled(t, marks); r.Verdict != Equal {
			t.Fatalf("dropped: %+v", r)
		}
	})
}

// If this fails, a rejected point that was dropped, or replayed with a change, is
// reported as lost or as too many; or the loss of a replayed one is not reported,
// because its letter still exists.
func TestSettledPointsAreEqual(t *testing.T) {
	eachCut(t, allCuts, func(t *rapid.T, w *world, all []expected) {
		if len(all) == 1 {
			t.Skip("nothing else is stored")
		}
		victim := all[rapid.IntRange(0, len(all)-1).Draw(t, "victim")]
		fixed := victim.Point
		fixed.Brand = "SuperCoffee"
		letter := rapid.Bool().Draw(t, "the letter exists")
		for _, test := range []struct {
			name    string
			outcome string
			is      *influxread.Point
			stored  *influxread.Point
			verdict Verdict
		}{
			{"dropped", "dropped", nil, nil, Equal},
			{"dropped, and stored by an earlier replay", "dropped", &fixed, &fixed, Equal},
			{"replayed", "replayed", &victim.Point, &victim.Point, Equal},
			{"replayed and lost", "replayed", &victim.Point, nil, Different},
			{"fixed", "replayed", &fixed, &fixed, Equal},
			{"fixed and lost", "replayed", &fixed, nil, Different},
			{"intended", "intended", &fixed, nil, Equal},
			{"intended and stored", "intended", &fixed, &fixed, Equal},
			{"refused", "refused", nil, nil, Equal},
			{"refused, and stored all the same", "refused", nil, &fixed, Different},
		} {
			delete(w.points, victim.Point)
			delete(w.points, fixed)
			if test.stored != nil {
				w.points[*test.stored] = true
			}
			if w.refused = nil; letter {
				w.refused = []influxread.Point{victim.Point}
			}
			marks := settling{}
			marks.point(t, victim, test.outcome, test.is)
			if r := w.runSettled(t, marks); r.Verdict != test.verdict {
				t.Fatalf("%s: %+v", test.name, r)
			}
		}
	})
}

// If this fails, marks of another topic are taken for those of this one, a removed mark
// still counts, or one that cannot be read passes for one that says nothing.
func TestMarksOfOtherTopics(t *testing.T) {
	id := [16]byte{1, 2, 3}
	marks := map[string]mark{}
	for _, r := range []struct{ key, value string }{
		{"id/" + base64.RawURLEncoding.EncodeToString(id[:]) + "/0/5", `{"outcome":"replayed"}`},
		{"topic/tweets/1/7-9", `{"outcome":"dropped"}`},
		{"topic/tweets/1/20", `{"outcome":"dropped"}`},
		{"topic/tweets/1/20", ""},
		{"topic/tweets_dead/1/30", `{"outcome":"replayed"}`},
		{"id/" + base64.RawURLEncoding.EncodeToString(make([]byte, 16)) + "/1/40", `{"outcome":"replayed"}`},
		{"letter/" + base64.RawURLEncoding.EncodeToString(id[:]) + "/1/50", `{"outcome":"replayed"}`},
	} {
		record := kafkalog.Record{Key: []byte(r.key)}
		if r.value != "" {
			record.Value = []byte(r.value)
		}
		if err := applyMark(marks, &record, "tweets", id); err != nil {
			t.Fatal(err)
		}
	}
	s, err := settledBy(marks, "tweets")
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[[2]int64]string{
		{0, 5}: "replayed", {0, 4}: "", {0, 6}: "", {1, 5}: "", {1, 7}: "dropped", {1, 8}: "dropped", {1, 9}: "dropped", {1, 10}: "", {1, 6}: "",
		{1, 20}: "", {1, 30}: "", {1, 40}: "", {1, 50}: "", {2, 7}: "",
	} {
		got := ""
		switch replayed, dropped := s.of(int32(at[0]), at[1]); {
		case replayed:
			got = "replayed"
		case dropped:
			got = "dropped"
		}
		if got != want {
			t.Errorf("the record at %d is %q, want %q", at, got, want)
		}
	}
	if !s.covers(1, 7, 9) || !s.covers(1, 8, 8) || s.covers(1, 7, 10) || s.covers(0, 7, 9) {
		t.Error("a record batch is covered by the mark of another")
	}
	for key, value := range map[string]string{"topic/tweets/1/5": "no JSON", "topic/tweets/x/5": "{}", "topic/tweets/1/x": "{}", "topic/tweets/1": "{}"} {
		marks := map[string]mark{}
		err := applyMark(marks, &kafkalog.Record{Key: []byte(key), Value: []byte(value)}, "tweets", id)
		if err == nil {
			_, err = settledBy(marks, "tweets")
		}
		if err == nil {
			t.Errorf("the mark %s: %s is accepted", key, value)
		}
	}
}
