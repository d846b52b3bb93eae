package avrospec

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

const traceSchema = `{"type":"record","name":"R","fields":[
	{"name":"id","type":"string"},
	{"name":"tags","type":{"type":"array","items":"int"}},
	{"name":"more","type":{"type":"map","values":["null","boolean"]}},
	{"name":"mood","type":{"type":"enum","name":"M","symbols":["good","bad"]}}]}`

func traced(t testing.TB, b []byte) (values []string, stopped int, path string, err error) {
	t.Helper()
	s, err := Parse([]byte(traceSchema))
	if err != nil {
		t.Fatal(err)
	}
	stopped, path, err = s.Trace(b, func(v *Traced) {
		values = append(values, fmt.Sprintf("%d-%d %s=%v", v.From, v.To, v.Path(), v.Value))
	})
	return values, stopped, path, err
}

// If this fails, the byte at which a reader is told to look is another one than that
// where decoding stopped.
func TestTraceStopsAtTheByteAtFault(t *testing.T) {
	good := []byte{4, 'h', 'i', 4, 2, 4, 0, 2, 2, 'k', 2, 1, 0, 2}
	all := []string{"0-3 id=hi", "4-5 tags[0]=1", "5-6 tags[1]=2", "11-12 more.k=true", "13-14 mood=bad"}
	for _, c := range []struct {
		name    string
		b       []byte
		values  int
		stopped int
		path    string
		err     error
	}{
		{"whole", good, 5, 14, "", nil},
		{"empty", nil, 0, 0, "id", ErrTruncated},
		{"cut inside a string", good[:2], 0, 0, "id", ErrTruncated},
		{"cut inside an array", good[:5], 2, 5, "tags[1]", ErrTruncated},
		{"a boolean that is neither", append(append([]byte{}, good[:11]...), 7), 3, 11, "more.k", ErrBoolean},
		{"a branch that does not exist", append(append([]byte{}, good[:10]...), 8), 3, 10, "more.k", ErrUnion},
		{"a symbol that does not exist", append(append([]byte{}, good[:13]...), 4), 4, 13, "mood", ErrEnum},
		{"trailing bytes", append(append([]byte{}, good...), 0), 5, 14, "", ErrTrailing},
	} {
		values, stopped, path, err := traced(t, c.b)
		want := all[:min(c.values, len(all))]
		if c.name == "cut inside an array" {
			want = all[:2]
		}
		if diff := cmp.Diff(append([]string{}, want...), append([]string{}, values...)); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
		if stopped != c.stopped || path != c.path || !errors.Is(err, c.err) {
			t.Errorf("%s: stopped at %d in %q: %v, want %d in %q: %v", c.name, stopped, path, err, c.stopped, c.path, c.err)
		}
	}
}

// If this fails, a value that Decode accepts is shown as broken, or one that it rejects
// as sound. A map with a key twice is the exception: its values are all shown.
func TestTraceAgreesWithDecode(t *testing.T) {
	s, err := Parse([]byte(traceSchema))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := rapid.SliceOfN(rapid.ByteRange(0, 12), 0, 24).Draw(t, "bytes")
		end := 0
		stopped, _, err := s.Trace(b, func(v *Traced) {
			if v.From < end || v.To < v.From || v.To > len(b) {
				t.Fatalf("a value of bytes %d to %d follows byte %d of %d", v.From, v.To, end, len(b))
			}
			end = v.To
		})
		if _, want := s.Decode(b); !errors.Is(err, want) && !errors.Is(want, ErrKey) {
			t.Fatalf("%x: %v, Decode: %v", b, err, want)
		}
		if stopped < 0 || stopped > len(b) {
			t.Fatalf("stopped at %d of %d bytes", stopped, len(b))
		}
	})
}
