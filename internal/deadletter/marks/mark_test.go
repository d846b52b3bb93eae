package marks_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
)

// If this fails, settling one letter settles another record's, or a letter that was
// written twice is replayed twice.
func TestAKeyIsThatOfTheRecord(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) deadletter.Letter {
			l := deadletter.Letter{
				Record: deadletter.Record{Partition: rapid.Int32Range(0, 1).Draw(t, label+" own partition"), Offset: rapid.Int64Range(0, 1).Draw(t, label+" own offset"),
					Value: []byte(rapid.SampledFrom([]string{"a", "b"}).Draw(t, label+" value"))},
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
		same := false
		switch {
		case a.Origin.Known() != b.Origin.Known():
		case !a.Origin.Known():
			same = a.Partition == b.Partition && a.Offset == b.Offset
		default:
			lines := a.Reason == "rejected"
			same = a.Origin.TopicID == b.Origin.TopicID && (a.Origin.TopicID != [16]byte{} || a.Origin.Topic == b.Origin.Topic) &&
				a.Origin.Partition == b.Origin.Partition && a.Origin.Offset == b.Origin.Offset && a.Origin.LastOffset == b.Origin.LastOffset &&
				lines == (b.Reason == "rejected") && (!lines || string(a.Value) == string(b.Value))
		}
		if got := marks.Key(&a, [16]byte{9}) == marks.Key(&b, [16]byte{9}); got != same {
			t.Fatalf("%s and %s are the same: %v", marks.Key(&a, [16]byte{9}), marks.Key(&b, [16]byte{9}), got)
		}
	})
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
