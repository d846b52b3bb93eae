package fix_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/fix"
)

func of(names ...string) (list []deadletter.Header) {
	for i := 0; i < len(names); i += 2 {
		list = append(list, deadletter.Header{Name: names[i], Value: []byte(names[i+1])})
	}
	return list
}

// If this fails, a mapping does not change what it says, or changes more: it loses a
// header that occurs twice, or makes a null empty.
func TestApply(t *testing.T) {
	old := deadletter.Record{
		Partition: 3, Offset: 7, Timestamp: 5, Key: []byte("k\xff"), Value: []byte(`{"brand":"tea", "n":1}`),
		Headers: append(of("a", "1", "b", "2", "a", "3", "kafka_key", "a header"), deadletter.Header{Name: "null"}),
	}
	with := func(change func(*deadletter.Record)) deadletter.Record {
		r := old.Clone()
		change(&r)
		return r
	}
	for mapping, want := range map[string]deadletter.Record{
		`meta x = "y"`: with(func(r *deadletter.Record) { r.Headers = append(r.Headers, of("x", "y")...) }),
		`meta a = "9"`: with(func(r *deadletter.Record) {
			r.Headers = slices.Delete(r.Headers, 2, 3)
			r.Headers[0].Value = []byte("9")
		}),
		`meta a = @a`:   old,
		`root = this`:   with(func(r *deadletter.Record) { r.Value = []byte(`{"brand":"tea","n":1}`) }),
		`let x = this`:  old,
		`meta z = null`: with(func(r *deadletter.Record) { r.Headers = append(r.Headers, deadletter.Header{Name: "z"}) }),
		`meta n = 5`:    with(func(r *deadletter.Record) { r.Headers = append(r.Headers, of("n", "5")...) }),
		`meta a = deleted()`: with(func(r *deadletter.Record) {
			r.Headers = slices.DeleteFunc(r.Headers, func(h deadletter.Header) bool { return h.Name == "a" })
		}),
		`meta kafka_key = @kafka_key.bytes().slice(0, 1)`: with(func(r *deadletter.Record) { r.Key = []byte("k") }),
		`meta kafka_key = null`:                           with(func(r *deadletter.Record) { r.Key = nil }),
		`root = content().string().replace_all("tea", "SuperCoffee")`: with(func(r *deadletter.Record) {
			r.Value = []byte(`{"brand":"SuperCoffee", "n":1}`)
		}),
	} {
		m, err := fix.New(mapping)
		if err != nil {
			t.Errorf("%s: %v", mapping, err)
			continue
		}
		got, kept, err := m.Apply(old)
		if err != nil || !kept {
			t.Errorf("%s: kept %v, %v", mapping, kept, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", mapping, diff)
		}
	}
}

// If this fails, a record that the mapping deletes, or fails for, is written.
func TestApplyWithoutResult(t *testing.T) {
	for mapping, fails := range map[string]bool{`root = deleted()`: false, `root = throw("no")`: true, `root = this.a`: true} {
		m, err := fix.New(mapping)
		if err != nil {
			t.Fatal(err)
		}
		if _, kept, err := m.Apply(deadletter.Record{Value: []byte("no JSON")}); kept || (err != nil) != fails {
			t.Errorf("%s: kept %v, %v", mapping, kept, err)
		}
	}
	if _, err := fix.New("root = nope("); err == nil {
		t.Error("a mapping that cannot be parsed is accepted")
	}
}

// If this fails, a mapping that changes nothing changes a record, or the preview hides
// a change or shows one that is none.
func TestDiffIsEmptyOnlyForEqualRecords(t *testing.T) {
	m, err := fix.New(`let nothing = content()`)
	if err != nil {
		t.Fatal(err)
	}
	value := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 0, 300))
	record := rapid.Custom(func(t *rapid.T) deadletter.Record {
		r := deadletter.Record{Key: value.Draw(t, "key"), Value: value.Draw(t, "value")}
		for range rapid.IntRange(0, 4).Draw(t, "headers") {
			r.Headers = append(r.Headers, deadletter.Header{Name: rapid.SampledFrom([]string{"a", "b", "kafka_key"}).Draw(t, "name"), Value: value.Draw(t, "header")})
		}
		return r
	})
	rapid.Check(t, func(t *rapid.T) {
		a := record.Draw(t, "a")
		same, kept, err := m.Apply(a)
		if err != nil || !kept || !cmp.Equal(a, same) || len(fix.Diff(a, same)) > 0 {
			t.Fatalf("%+v becomes %+v, kept %v, %v: %q", a, same, kept, err, fix.Diff(a, same))
		}
		b := a.Clone()
		switch rapid.IntRange(0, 2).Draw(t, "change") {
		case 0:
			b.Value = append(b.Value, 'x')
		case 1:
			b.Key = append(b.Key, 'x')
		case 2:
			b.Headers = append(b.Headers, deadletter.Header{Name: "new", Value: []byte("x")})
		}
		if len(fix.Diff(a, b)) == 0 {
			t.Fatalf("no difference of %+v and %+v", a, b)
		}
	})
}

// If this fails, the preview of a long value does not show the bytes that differ, or
// control characters reach the terminal.
func TestDiffShowsTheBytesThatDiffer(t *testing.T) {
	long := strings.Repeat("x", 5000)
	lines := fix.Diff(deadletter.Record{Value: []byte(long + "old\x1b[2J" + long)}, deadletter.Record{Value: []byte(long + "new" + long)})
	if len(lines) != 2 || !strings.Contains(lines[0], `xold\x1b[2J`) || !strings.Contains(lines[1], "xnewx") || len(lines[0]) > 400 {
		t.Errorf("%q", lines)
	}
}
