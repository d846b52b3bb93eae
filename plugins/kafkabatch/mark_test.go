package kafkabatch

import (
	"testing"

	"pgregory.net/rapid"
)

// A commit must be read as it was written.
func TestMarkRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := mark{
			fingerprint: fingerprintOf(rapid.String().Draw(t, "text")),
			clean:       rapid.Bool().Draw(t, "clean"),
			topic:       topicIDText([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))),
		}
		if got, ok := parseMark(m.String()); !ok || got != m {
			t.Fatalf("%q is read as %+v, %v", m, got, ok)
		}
	})
}

// The metadata of others must not be taken for a mark, or a group that another
// client committed could not be read.
func TestParseMark(t *testing.T) {
	for text, want := range map[string]mark{
		"bp1;fp=ab12;clean=1":       {"ab12", true, ""},
		"bp1;fp=ab12;clean=0":       {"ab12", false, ""},
		"bp1;clean=0;new=x;fp=ab12": {"ab12", false, ""},

		"bp1;fp=ab12;clean=1;topic=AAAAAAAAAAAAAAAAAAAAAQ": {"ab12", true, "AAAAAAAAAAAAAAAAAAAAAQ"},
	} {
		if got, ok := parseMark(text); !ok || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "kgo-member-1", "bp1", "bp1;fp=ab12", "bp1;clean=1", "bp1;fp=ab12;clean=yes", "bp2;fp=ab12;clean=1"} {
		if got, ok := parseMark(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestMarkAllows(t *testing.T) {
	for _, test := range []struct {
		mark  mark
		print string
		want  bool
	}{
		{mark{"a", true, ""}, "a", true},
		{mark{"a", true, ""}, "b", true},
		{mark{"a", false, ""}, "a", true},
		{mark{"a", false, ""}, "b", false},
	} {
		if got := test.mark.allows(test.print); got != test.want {
			t.Errorf("%q allows %s: %v", test.mark, test.print, got)
		}
	}
}

// Marks without an id, and brokers without ids, must not stop a group that has
// always read the topic.
func TestMarkOf(t *testing.T) {
	for _, test := range []struct {
		mark, topic string
		want        bool
	}{
		{"", "", true},
		{"", "x", true},
		{"x", "", true},
		{"x", "x", true},
		{"x", "y", false},
	} {
		if got := (mark{topic: test.mark}).of(test.topic); got != test.want {
			t.Errorf("a mark of %q is of %q: %v", test.mark, test.topic, got)
		}
	}
}

// An operator must find the id that is named in what Kafka's tools show.
func TestTopicIDText(t *testing.T) {
	id := [16]byte{0xfb, 0xef, 0xff, 15: 1}
	if got := topicIDText(id); got != "--__AAAAAAAAAAAAAAAAAQ" {
		t.Errorf("%x is shown as %s", id, got)
	}
	if got := topicIDText([16]byte{}); got != "" {
		t.Errorf("no id is shown as %s", got)
	}
}

func FuzzParseMark(f *testing.F) {
	f.Add("bp1;fp=ab12;clean=1")
	f.Add("bp1;fp=ab12;clean=0;topic=AAAAAAAAAAAAAAAAAAAAAQ")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := parseMark(text); ok {
			if again, ok := parseMark(m.String()); !ok || again != m {
				t.Errorf("%q is read as %+v, that as %+v", text, m, again)
			}
		}
	})
}
