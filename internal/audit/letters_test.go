package audit

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// If this fails, a point that InfluxDB rejected is not counted, or a line that is not
// such a point is.
func TestCountsOfRefusedPoints(t *testing.T) {
	for line, want := range map[string]int64{
		"tweets,brand=Tea count=17i 5":                  17,
		"tweets,brand=Tea count=17u,text=\"x\" 5":       17,
		"tweets,brand=Tea count=9223372036854775808u 5": -1,
		"tweets,brand=Tea count=17 5":                   -1,
		"tweets,brand=Tea count=\"17\" 5":               -1,
		"others,brand=Tea count=17i 5":                  -1,
	} {
		r := &kgo.Record{Value: []byte(line), Headers: []kgo.RecordHeader{{Key: headerReason, Value: []byte(reasonRejected)}}}
		got := int64(-1)
		for _, p := range refusedPoints(r, "tweets", "tweets") {
			got = p.Count
		}
		if got != want {
			t.Errorf("%s counts %d, want %d", line, got, want)
		}
	}
}

// If this fails, a malformed dead letter, which anyone may write, ends the audit.
func FuzzRefusedPoints(f *testing.F) {
	f.Add([]byte(`tweets,brand=Green\ Tea,sentiment=positive,src=ABCDEF-3 count=17i,text="x" 1700000000000000643`))
	f.Add([]byte("tweets,brand=Tea count=1i\n# x\ntweets count=1.5 1"))
	f.Add([]byte("\x00 no line"))
	f.Fuzz(func(t *testing.T, value []byte) {
		r := &kgo.Record{Value: value, Headers: []kgo.RecordHeader{{Key: headerReason, Value: []byte(reasonRejected)}}}
		for _, p := range refusedPoints(r, "tweets", "tweets") {
			if !strings.Contains(string(value), "tweets") || !strings.Contains(string(value), "count=") {
				t.Errorf("%q is read as the point %+v", value, p)
			}
		}
	})
}
