package deadletter_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

func drawLetter(t *rapid.T) deadletter.Letter {
	return deadletter.Letter{
		Record: deadletter.Record{Partition: rapid.Int32Range(0, 3).Draw(t, "own partition"), Offset: rapid.Int64Range(0, 9).Draw(t, "own offset"),
			Timestamp: rapid.Int64Range(-90_000, 200_000).Draw(t, "time")},
		Form:   rapid.SampledFrom(forms).Draw(t, "form"),
		Reason: rapid.SampledFrom([]string{"", "undecodable", "rejected"}).Draw(t, "reason"),
		Origin: origin(rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "topic"), rapid.Int32Range(-1, 2).Draw(t, "partition"), rapid.Int64Range(-1, 9).Draw(t, "offset")),
	}
}

// If this fails, a letter is counted twice, in a group that is not its own, or not at
// all; or the first and last times are not those of the group.
func TestEachLetterIsCountedOnceInItsGroup(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		by := rapid.SliceOfDistinct(rapid.SampledFrom([]deadletter.Grouping{deadletter.ByReason, deadletter.ByTopic, deadletter.ByPartition, deadletter.ByForm, deadletter.ByMinute}),
			func(g deadletter.Grouping) deadletter.Grouping { return g }).Draw(t, "by")
		letters := rapid.SliceOf(rapid.Custom(drawLetter)).Draw(t, "letters")
		s, err := deadletter.NewSummary(by)
		if err != nil {
			t.Fatal(err)
		}
		name := func(l *deadletter.Letter) (name string) {
			for _, g := range by {
				switch g {
				case deadletter.ByReason:
					name += "/" + l.Reason
				case deadletter.ByTopic:
					name += "/" + l.Origin.Topic
				case deadletter.ByPartition:
					name += fmt.Sprint("/", l.Origin.Partition)
				case deadletter.ByForm:
					name += "/" + string(l.Form)
				case deadletter.ByMinute:
					name += fmt.Sprint("/", (l.Timestamp+600_000)/60_000)
				}
			}
			return name
		}
		counts, first, last := map[string]int64{}, map[string]int64{}, map[string]int64{}
		for i := range letters {
			l := &letters[i]
			s.Add(l)
			n := name(l)
			if counts[n]++; counts[n] == 1 {
				first[n], last[n] = l.Timestamp, l.Timestamp
			}
			first[n], last[n] = min(first[n], l.Timestamp), max(last[n], l.Timestamp)
		}
		got := map[string]int64{}
		for _, g := range s.Groups() {
			n := name(&deadletter.Letter{Record: deadletter.Record{Timestamp: g.Start}, Form: g.Form, Reason: g.Reason, Origin: origin(g.Topic, g.Partition, 0)})
			got[n] = g.Letters
			if g.First != first[n] || g.Last != last[n] {
				t.Fatalf("group %q from %d to %d, want %d to %d", n, g.First, g.Last, first[n], last[n])
			}
		}
		if diff := cmp.Diff(counts, got); diff != "" || s.Letters != int64(len(letters)) || s.Others != 0 {
			t.Fatalf("%d letters, %d others: %s", s.Letters, s.Others, diff)
		}
	})
}

// If this fails, a topic whose letters each have another reason takes all memory.
func TestGroupsAreBounded(t *testing.T) {
	s, err := deadletter.NewSummary([]deadletter.Grouping{deadletter.ByReason})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1<<16)
	for i := range deadletter.MaxGroups + 7 {
		s.Add(&deadletter.Letter{Reason: fmt.Sprint(i, long)})
	}
	groups := s.Groups()
	if len(groups) != deadletter.MaxGroups || s.Others != 7 || s.Letters != deadletter.MaxGroups+7 {
		t.Errorf("%d groups, %d others, %d letters", len(groups), s.Others, s.Letters)
	}
	if size := len(groups[0].Reason); size > 400 {
		t.Errorf("a reason has %d bytes", size)
	}
	for _, by := range [][]deadletter.Grouping{{"brand"}, {deadletter.ByHour, deadletter.ByDay}} {
		if _, err := deadletter.NewSummary(by); err == nil {
			t.Errorf("%v is accepted", by)
		}
	}
}

// If this fails, letters are listed, or later changed, that nobody has selected.
func TestFilter(t *testing.T) {
	at := func(n int64) *int64 { return &n }
	l := deadletter.Letter{Record: deadletter.Record{Timestamp: 100}, Reason: "r", Origin: origin("t", 3, 7)}
	batch := l
	batch.Origin.LastOffset = 9
	nowhere := deadletter.Letter{Origin: origin("", -1, -1)}
	for _, c := range []struct {
		name   string
		f      deadletter.Filter
		l      *deadletter.Letter
		wanted bool
	}{
		{"all", deadletter.Filter{}, &l, true},
		{"its reason", deadletter.Filter{Reasons: []string{"x", "r"}}, &l, true},
		{"another reason", deadletter.Filter{Reasons: []string{"x"}}, &l, false},
		{"its topic", deadletter.Filter{Topics: []string{"t"}}, &l, true},
		{"another topic", deadletter.Filter{Topics: []string{"t2"}}, &l, false},
		{"its partition", deadletter.Filter{Partitions: []int32{3}}, &l, true},
		{"another partition", deadletter.Filter{Partitions: []int32{0}}, &l, false},
		{"no partition", deadletter.Filter{Partitions: []int32{0}}, &nowhere, false},
		{"its offset", deadletter.Filter{Offsets: &[2]int64{7, 7}}, &l, true},
		{"an offset before", deadletter.Filter{Offsets: &[2]int64{0, 6}}, &l, false},
		{"an offset after", deadletter.Filter{Offsets: &[2]int64{8, 10}}, &l, false},
		{"an offset inside its batch", deadletter.Filter{Offsets: &[2]int64{8, 8}}, &batch, true},
		{"an offset after its batch", deadletter.Filter{Offsets: &[2]int64{10, 10}}, &batch, false},
		{"no offset", deadletter.Filter{Offsets: &[2]int64{0, 1 << 60}}, &nowhere, false},
		{"since then", deadletter.Filter{Since: at(100)}, &l, true},
		{"since later", deadletter.Filter{Since: at(101)}, &l, false},
		{"before later", deadletter.Filter{Before: at(101)}, &l, true},
		{"before then", deadletter.Filter{Before: at(100)}, &l, false},
		{"all at once", deadletter.Filter{Reasons: []string{"r"}, Topics: []string{"t"}, Partitions: []int32{3}, Offsets: &[2]int64{7, 7}, Since: at(0), Before: at(200)}, &l, true},
	} {
		if got := c.f.Selects(c.l); got != c.wanted {
			t.Errorf("%s: selected %v", c.name, got)
		}
	}
}

func TestPositions(t *testing.T) {
	if p, err := deadletter.ParsePosition("3:1207"); err != nil || p != (deadletter.Position{Partition: 3, Offset: 1207}) || p.String() != "3:1207" {
		t.Errorf("%v, %v", p, err)
	}
	for _, text := range []string{"", "3", "3:", ":3", "-1:3", "a:1", "1:2:3", "3000000000:1", "1:99999999999999999999"} {
		if _, err := deadletter.ParsePosition(text); err == nil {
			t.Errorf("%q is a position", text)
		}
	}
}

// If this fails, a letter can move the cursor of the terminal on which it is shown.
func TestPrintable(t *testing.T) {
	for text, want := range map[string]string{
		`plain "text" \ é`: `plain "text" \ é`, "a\x1b[2Jb": `a\x1b[2Jb`, "line\nbreak": `line\nbreak`, "\xff": `\xff`, "\u202e": `\u202e`, "say \"x\"\t": `say "x"\t`,
		strings.Repeat("é", 30): strings.Repeat("é", 25) + "…",
	} {
		if got := deadletter.Printable(text, 51); got != want {
			t.Errorf("%q is printed as %q, want %q", text, got, want)
		}
	}
}
