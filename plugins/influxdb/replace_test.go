package influxdb

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

func TestReplaced(t *testing.T) {
	long := strings.Repeat("é", lineproto.MaxKeyLen)
	type object = map[string]any
	for name, test := range map[string]struct {
		measurement  string
		tags, fields object
		want         string // empty: it stays wrong
	}{
		"nothing to do":          {"m", object{"t": "v"}, object{"f": 1}, "m,t=v f=1i 7"},
		"backslash at the end":   {`C:\`, object{`d\`: `e\`}, object{`f\`: `g\`}, `C:/,d/=e/ f/="g\\" 7`},
		"backslash inside":       {`a\b`, object{"t": `x\y\ z`}, object{"f": 1}, `a\b,t=x\y/\ z f=1i 7`},
		"newline":                {"a\nb", object{"c\nd": "e\nf"}, object{"g\nh": "i\nj"}, "a\\ b,c\\ d=e\\ f g\\ h=\"i\nj\" 7"},
		"backslash and newline":  {"m", object{"t": "a\\\n"}, object{"f": 1}, "m,t=a/\\  f=1i 7"},
		"empty tag":              {"m", object{"t": "", "u": nil, "v": "w"}, object{"f": 1}, "m,v=w f=1i 7"},
		"NaN":                    {"m", object{"t": math.NaN()}, object{"f": math.NaN(), "g": math.Inf(-1), "h": 1}, "m h=1i 7"},
		"NaN alone":              {"m", nil, object{"f": math.NaN()}, ""},
		"comment":                {"#m", nil, object{"f": 1}, "_m f=1i 7"},
		"mark":                   {"\uFEFF\uFEFFm", object{"\uFEFFt": "\uFEFFv"}, object{"\uFEFFf": 1}, "m,t=\uFEFFv f=1i 7"},
		"mark alone":             {"\uFEFF", nil, object{"f": 1}, ""},
		"mark before a comment":  {"\uFEFF#m", nil, object{"f": 1}, "_m f=1i 7"},
		"reserved":               {"m", object{"time": "x", "_field": "y"}, object{"time": 1}, "m,_field_=y,time_=x time_=1i 7"},
		"reserved byte":          {"m", object{"\xff": "x"}, object{"f": 1}, "m,_=x f=1i 7"},
		"no measurement":         {"", nil, object{"f": 1}, ""},
		"a tag that is a list":   {"m", object{"t": []any{1}}, object{"f": 1}, ""},
		"two keys become one":    {"m", object{"a\n": "x", "a ": "y"}, object{"f": 1}, ""},
		"long tag":               {"m", object{"t": long}, object{"f": 1}, "m,t=" + long[:maxReplacedTag] + " f=1i 7"},
		"long string":            {"m", nil, object{"f": "x" + strings.Repeat("é", lineproto.MaxStringLen)}, "m f=\"x" + strings.Repeat("é", lineproto.MaxStringLen/2-1) + "\" 7"},
		"more than all together": {"m", object{"a": long, "b": long, "c": long, "d": long, "e": long}, object{"f": 1}, ""},
	} {
		p := point{measurement: test.measurement, tags: test.tags, fields: test.fields, ns: 7}
		got, err := (&pointScratch{form: form{replace: true}}).append([]byte("x"), p)
		if test.want == "" {
			if err == nil {
				t.Errorf("%s: written as %.200s", name, got)
			}
		} else if err != nil || string(got) != "x"+test.want {
			t.Errorf("%s: %.200q, %v, want %.200q", name, got, err, test.want)
		}
	}
}

// TestReplacedIsCarried breaks if a point that was made fit to be written is not,
// if one that was fit is changed, or if the same point is not always the same.
func TestReplacedIsCarried(t *testing.T) {
	odd := rapid.StringOfN(rapid.SampledFrom([]rune("ab \\,=\"#\n\t\x00é\uFEFF")), 0, 6, -1)
	value := rapid.OneOf(odd.AsAny(), rapid.Float64().AsAny(), rapid.Int64().AsAny(), rapid.SampledFrom([]any{nil, math.NaN(), math.Inf(1), true}))
	rapid.Check(t, func(t *rapid.T) {
		p := point{
			measurement: odd.Draw(t, "measurement"),
			tags:        rapid.MapOf(odd, value).Draw(t, "tags"),
			fields:      rapid.MapOf(odd, value).Draw(t, "fields"),
			ns:          7,
		}
		strict, strictErr := (&pointScratch{}).append(nil, p)
		first, err := (&pointScratch{form: form{replace: true}}).append(nil, p)
		again, _ := (&pointScratch{form: form{replace: true}}).append(nil, p)
		if strictErr == nil && (err != nil || !slices.Equal(strict, first)) {
			t.Fatalf("%q was fit and becomes %q, %v", strict, first, err)
		}
		if err != nil {
			return
		}
		if !slices.Equal(first, again) {
			t.Fatalf("%q, and then %q", first, again)
		}
		line, rest := lineproto.NextLine(first)
		if line.Err != nil || !line.Timed() || len(rest) > 0 {
			t.Fatalf("%q is no line: %v", first, line.Err)
		}
	})
}

// TestCut breaks if a character is cut in half, or if bytes that are no text are cut
// down to nothing: the letter of such a message would be empty.
func TestCut(t *testing.T) {
	for s, want := range map[string]string{
		"abc":                       "abc",
		"abcdefgh":                  "abcde",
		"abcdé":                     "abcd",
		"abc😀":                      "abc",
		strings.Repeat("\x80", 100): "\x80\x80\x80\x80\x80",
		"ab\x80\x80\x80\x80\x80":    "ab\x80\x80\x80",
	} {
		if got := letter.Cut(s, 5); got != want {
			t.Errorf("%q: %q, want %q", s, got, want)
		}
	}
}
