package track

import (
	"testing"

	"pgregory.net/rapid"
)

// A commit must be read as it was written.
func TestCommitMetadataRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := CommitMetadata{
			Fingerprint: Fingerprint(rapid.String().Draw(t, "text")),
			Clean:       rapid.Bool().Draw(t, "clean"),
			Topic:       TopicIDText([16]byte(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))),
		}
		if got, ok := ParseCommitMetadata(m.String()); !ok || got != m {
			t.Fatalf("%q is read as %+v, %v", m, got, ok)
		}
	})
}

// The metadata of others must not be taken for ours, or a group that another
// client committed could not be read.
func TestParseCommitMetadata(t *testing.T) {
	for text, want := range map[string]CommitMetadata{
		"bp1;fp=ab12;clean=1":       {"ab12", true, ""},
		"bp1;fp=ab12;clean=0":       {"ab12", false, ""},
		"bp1;clean=0;new=x;fp=ab12": {"ab12", false, ""},

		"bp1;fp=ab12;clean=1;topic=AAAAAAAAAAAAAAAAAAAAAQ": {"ab12", true, "AAAAAAAAAAAAAAAAAAAAAQ"},
	} {
		if got, ok := ParseCommitMetadata(text); !ok || got != want {
			t.Errorf("%q is read as %+v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "kgo-member-1", "bp1", "bp1;fp=ab12", "bp1;clean=1", "bp1;fp=ab12;clean=yes", "bp2;fp=ab12;clean=1"} {
		if got, ok := ParseCommitMetadata(text); ok {
			t.Errorf("%q is read as %+v", text, got)
		}
	}
}

func TestCommitMetadataAllows(t *testing.T) {
	for _, test := range []struct {
		m     CommitMetadata
		print string
		want  bool
	}{
		{CommitMetadata{"a", true, ""}, "a", true},
		{CommitMetadata{"a", true, ""}, "b", true},
		{CommitMetadata{"a", false, ""}, "a", true},
		{CommitMetadata{"a", false, ""}, "b", false},
	} {
		if got := test.m.Allows(test.print); got != test.want {
			t.Errorf("%q allows %s: %v", test.m, test.print, got)
		}
	}
}

// Commits without an id, and brokers without ids, must not stop a group that has
// always read the topic.
func TestCommitMetadataOf(t *testing.T) {
	for _, test := range []struct {
		committed, topic string
		want             bool
	}{
		{"", "", true},
		{"", "x", true},
		{"x", "", true},
		{"x", "x", true},
		{"x", "y", false},
	} {
		if got := (CommitMetadata{Topic: test.committed}).Of(test.topic); got != test.want {
			t.Errorf("a commit of %q is of %q: %v", test.committed, test.topic, got)
		}
	}
}

// An operator must find the id that is named in what Kafka's tools show.
func TestTopicIDText(t *testing.T) {
	id := [16]byte{0xfb, 0xef, 0xff, 15: 1}
	if got := TopicIDText(id); got != "--__AAAAAAAAAAAAAAAAAQ" {
		t.Errorf("%x is shown as %s", id, got)
	}
	if got := TopicIDText([16]byte{}); got != "" {
		t.Errorf("no id is shown as %s", got)
	}
}

func FuzzParseCommitMetadata(f *testing.F) {
	f.Add("bp1;fp=ab12;clean=1")
	f.Add("bp1;fp=ab12;clean=0;topic=AAAAAAAAAAAAAAAAAAAAAQ")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParseCommitMetadata(text); ok {
			if again, ok := ParseCommitMetadata(m.String()); !ok || again != m {
				t.Errorf("%q is read as %+v, that as %+v", text, m, again)
			}
		}
	})
}
