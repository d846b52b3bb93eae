package line_test

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter/line"
)

// If this fails, a line that InfluxDB stores as the same point is replayed as another, or
// another point as the same.
func TestIdentity(t *testing.T) {
	const of = `tweets,brand=Green\ Tea,sentiment=neutral count=17i 1700000000000000643`
	want, err := line.Parse([]byte(of))
	if err != nil || want.Count == nil || *want.Count != 17 {
		t.Fatalf("%+v, %v", want, err)
	}
	for text, same := range map[string]bool{
		of + "\n": true,
		`tweets,sentiment=neutral,brand=Green\ Tea count=17i 1700000000000000643`:          true,
		`tweets,brand=Green\ Tea,sentiment=neutral count=18i,text="x" 1700000000000000643`: true,
		`tweets,brand=Green\ Tea,sentiment=neutral count=17i 1700000000000000644`:          false,
		`tweets,brand=Tea,sentiment=neutral count=17i 1700000000000000643`:                 false,
		`tweets,brand=Green\ Tea,sentiment=neutral,a=b count=17i 1700000000000000643`:      false,
		`tweet,brand=Green\ Tea,sentiment=neutral count=17i 1700000000000000643`:           false,
	} {
		got, err := line.Parse([]byte(text))
		if err != nil || (got.Identity() == want.Identity()) != same {
			t.Errorf("%s: %s, %v; the same point: want %v", text, got.Identity(), err, same)
		}
	}
}

// If this fails, bytes are written to InfluxDB that are not one point with a time of its
// own.
func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "\n", "# a comment", "tweets", "tweets count=1i", "tweets count=1i x", "tweets count=1i 1.5",
		"tweets count=1i 1\ntweets count=2i 2", "tweets count=1i 99999999999999999999", "\x00",
	} {
		if p, err := line.Parse([]byte(text)); err == nil {
			t.Errorf("%q is read as %+v", text, p)
		}
	}
}
