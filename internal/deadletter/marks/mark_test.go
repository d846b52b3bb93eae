package marks_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
)

// If this fails, settling one letter settles another record's, or a letter that was
// written twice is replayed twice.
func TestAKeyIsThatOfTheRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) deadletter.Letter {
			l := deadletter.Letter{
				Record: deadletter.Record{Partition: rapid.Int32Range(0, 1).Draw(t, label+" own partition"), Offset: rapid.Int64Range(0, 1).Draw(t, label+" own offset"),
					Value: []byte(rapid.SampledFrom([]string{"a", "b", "m,x=1,y=2 count=1i 5", "m,y=2,x=1 count=2i 5", "m,x=1,y=2 count=1i 6"}).Draw(t, label+" value"))},
				Form:   deadletter.Ours,
				Reason: rapid.SampledFrom([]string{"undecodable", "rejected"}).Draw(t, label+" reason"),
				Origin: deadletter.Origin{
					Topic: rapid.SampledFrom([]string{"", "t", "t/1"}).Draw(t, label+" topic"), Partition: rapid.Int32Range(-1, 1).Draw(t, label+" partition"),
					Offset: rapid.Int64Range(-1, 11).Draw(t, label+" offset"), LastOffset: rapid.SampledFrom([]int64{-1, 11}).Draw(t, label+" last"), AfterOffset: -1,
				},
			}
			l.Origin.TopicID[0] = rapid.ByteRange(0, 2).Draw(t, label+" id")
			return l
		}
		a, b := draw("a"), draw("b")
		known := func(o deadletter.Origin) bool { // a name with a slash is no topic's
			return o.Known() && (o.Topic != "t/1" || o.TopicID != [16]byte{})
		}
		same := false
		switch {
		case known(a.Origin) != known(b.Origin):
		case !known(a.Origin):
			same = a.Partition == b.Partition && a.Offset == b.Offset
		default:
			lines := a.Reason == "rejected"
			same = a.Origin.TopicID == b.Origin.TopicID && (a.Origin.TopicID != [16]byte{} || a.Origin.Topic == b.Origin.Topic) &&
				a.Origin.Partition == b.Origin.Partition && a.Origin.Offset == b.Origin.Offset && a.Origin.LastOffset == b.Origin.LastOffset &&
				lines == (b.Reason == "rejected") && (!lines || samePoint(string(a.Value), string(b.Value)))
		}
		if got := marks.Key(&a, [16]byte{9}) == marks.Key(&b, [16]byte{9}); got != same {
			t.Fatalf("%s and %s are the same: %v", marks.Key(&a, [16]byte{9}), marks.Key(&b, [16]byte{9}), got)
		}
	})
}

// samePoint reports whether two values of the test above are one point: the fourth is the
// third with its tags in another order and another count.
func samePoint(a, b string) bool {
	return a == b || a != "a" && a != "b" && b != "a" && b != "b" && a[len(a)-1] == b[len(b)-1]
}

// If this fails, a mark is removed by the log of another partition or topic, or never.
func TestPlaceOf(t *testing.T) {
	id := [16]byte{1, 0xff}
	l := deadletter.Letter{Record: deadletter.Record{Partition: 4, Offset: 9, Value: []byte("m count=1i 5")}, Form: deadletter.Ours}
	l.Origin = deadletter.Origin{Topic: "t", Partition: 3, Offset: 7, LastOffset: deadletter.Unknown}
	of := func(change func(*deadletter.Letter)) string {
		other := l
		change(&other)
		return marks.Key(&other, id)
	}
	for key, want := range map[string]marks.Place{
		of(func(*deadletter.Letter) {}):                                             {Name: "t", Partition: 3, Last: 7},
		of(func(l *deadletter.Letter) { l.Origin.TopicID = id }):                    {ID: id, Partition: 3, Last: 7},
		of(func(l *deadletter.Letter) { l.Origin.LastOffset = 11 }):                 {Name: "t", Partition: 3, Last: 11},
		of(func(l *deadletter.Letter) { l.Reason = "rejected" }):                    {Name: "t", Partition: 3, Last: 7},
		of(func(l *deadletter.Letter) { l.Reason, l.CutFrom = "rejected", 5 }):      {Name: "t", Partition: 3, Last: 7},
		of(func(l *deadletter.Letter) { l.Origin.Offset = deadletter.Unknown }):     {ID: id, Partition: 4, Last: 9},
		of(func(l *deadletter.Letter) { l.Origin.TopicID, l.Reason = id, "batch" }): {ID: id, Partition: 3, Last: 7},
	} {
		if got, ok := marks.PlaceOf(key); !ok || got != want {
			t.Errorf("%s is at %+v, %v; want %+v", key, got, ok, want)
		}
	}
	for _, key := range []string{"", "x", "topic/t/1", "topic/t/x/1", "topic/t/1/x", "topic/t/1/5-4", "topic/t/-1/5", "id/short/1/2", "topic/a/b/1/2", "topic//1/2", "other/t/1/2"} {
		if got, ok := marks.PlaceOf(key); ok {
			t.Errorf("%q is at %+v", key, got)
		}
	}
}

// If this fails, settled letters come back, or open ones are hidden.
func TestSet(t *testing.T) {
	s := marks.NewSet()
	for _, r := range []deadletter.Record{
		{Key: []byte("a"), Value: marks.Mark{Outcome: marks.Replayed}.Encode()}, {Key: []byte("b"), Value: []byte("{}")}, {Key: []byte("b")},
	} {
		if err := s.Apply(&r); err != nil {
			t.Fatal(err)
		}
	}
	if !s.Has("a") || s.Has("b") || s.Has("c") || s.Len() != 1 {
		t.Errorf("a %v, b %v, c %v, %d keys", s.Has("a"), s.Has("b"), s.Has("c"), s.Len())
	}
}

// If this fails, a letter whose line may be stored is taken for settled, or its mark is
// lost; or the mark of a letter that exists is removed.
func TestSetOfOpenAndSeenLetters(t *testing.T) {
	s := marks.NewSet()
	put := func(key string, m marks.Mark) {
		t.Helper()
		if err := s.Apply(&deadletter.Record{Key: []byte(key), Value: m.Encode()}); err != nil {
			t.Fatal(err)
		}
	}
	put("a", marks.Mark{Outcome: marks.Intended, Hash: "1"})
	put("b", marks.Mark{Outcome: marks.Refused, Replays: 2, Letter: "0:1", Why: "field type conflict", Was: &line.Point{Measurement: "tweets"}})
	if a, open := s.Unsettled("a"); s.Has("a") || !open || a.Hash != "1" || s.Gone("a") {
		t.Errorf("a line that may be stored: settled %v, %+v", s.Has("a"), a)
	}
	if b, open := s.Unsettled("b"); s.Has("b") || !open || b.Replays != 2 {
		t.Errorf("a line that was refused: settled %v, %+v", s.Has("b"), b)
	} else if b.Letter != "" || b.Why != "" || b.Was != nil {
		t.Errorf("the memory of a set grows with %+v", b)
	}
	put("a", marks.Mark{Outcome: marks.Replayed, Hash: "1"})
	put("b", marks.Mark{Outcome: "of a later version"})
	if _, open := s.Unsettled("a"); open || !s.Has("a") || !s.Has("b") || s.Len() != 2 {
		t.Errorf("a is settled %v, b %v, of %d", s.Has("a"), s.Has("b"), s.Len())
	}
	s.See("a")
	s.See("nowhere")
	put("a", marks.Mark{Outcome: marks.Dropped}) // it was seen all the same
	if s.Gone("a") || !s.Gone("b") || s.Gone("nowhere") {
		t.Errorf("gone are a %v, b %v, nowhere %v", s.Gone("a"), s.Gone("b"), s.Gone("nowhere"))
	}
	if err := s.Apply(&deadletter.Record{Key: []byte("c"), Value: []byte("no JSON")}); err == nil {
		t.Error("a mark that is not JSON is accepted")
	}
}
