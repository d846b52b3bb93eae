package influxdb

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestBlamed breaks if the lines that an answer complains about are not found, or
// if others are taken for refused without a doubt.
func TestBlamed(t *testing.T) {
	lines := []string{
		"m,t=a f=1i 30",
		"m,t=b f=0.5 10",
		`m,t=c f=nonsense 20`,
		`n\ o f="x': y" 5`,
		"m,t=a f=1i 30",
		"m,t=d g=1i,f=2.5 40",
	}
	malformed := func(i int) string { return "unable to parse '" + lines[i] + "': invalid number" }
	for name, test := range map[string]struct {
		body    string
		lines   []int
		certain bool
		reasons []string
	}{
		"nothing":                 {`{"error":"engine: no"}`, nil, false, nil},
		"by text, 1.8":            {errorBody("partial write: " + malformed(2) + " dropped=0"), []int{2}, true, []string{malformed(2) + " dropped=0"}},
		"by text, two of them":    {messageBody(malformed(2) + "\n" + malformed(3)), []int{2, 3}, true, []string{malformed(2), malformed(3)}},
		"by text, twice the same": {messageBody(malformed(0)), []int{0, 4}, true, []string{malformed(0), malformed(0)}},
		"by text, cut off":        {messageBody("unable to parse 'm,t=c f=nons"), nil, false, nil},
		"by field, 1.8": {errorBody(`partial write: field type conflict: input field "f" on measurement "m" is type float, already exists as type integer dropped=2`),
			[]int{1, 2, 5}, false, nil},
		"by field, 2.x": {messageBody(`failure writing points to database: partial write: field type conflict: input field "f" on measurement "n o" is type string, already exists as type integer dropped=1`),
			[]int{3}, false, nil},
		"by a field of none": {messageBody(`partial write: field type conflict: input field "f" on measurement "m" is type boolean, already exists as type integer dropped=1`), nil, false, nil},
		"by age, 1.8":        {errorBody("partial write: points beyond retention policy dropped=2"), []int{1, 3}, false, nil},
		"by age, 2.x":        {messageBody("partial write: dropped 3 points outside retention policy of duration 2h0m0s - oldest point n at 1970 dropped=3 for database: x"), []int{1, 2, 3}, false, nil},
		"by age, all":        {errorBody("partial write: points beyond retention policy dropped=6"), []int{0, 1, 2, 3, 4, 5}, true, nil},
		"by age, too many":   {errorBody("partial write: points beyond retention policy dropped=7"), nil, false, nil},
		"by age, no number":  {errorBody("partial write: points beyond retention policy"), nil, false, nil},
		"3, all that are refused": {`{"error":"partial write of line protocol occurred","data":[{"original_line":"m,t=b","line_number":2,"error_message":"why"},{"line_number":3,"error_message":"else"}]}`,
			[]int{1, 2}, true, []string{"why", "else"}},
		"3, the first":   {`{"error":"line protocol parsing error","data":{"original_line":"x","line_number":3,"error_message":"why"}}`, []int{2}, false, []string{"why"}},
		"3, no such":     {`{"error":"x","data":[{"line_number":0},{"line_number":7},{"line_number":-1},{"line_number":2}]}`, []int{1}, false, []string{""}},
		"Cloud":          {`{"code":"invalid","line":2,"message":"failed to parse line protocol:\n  errors encountered on line(s):\n  error parsing line 2 (1-based): a\n  error writing line 4 (1-based): b"}`, []int{1, 3}, false, []string{"a", "b"}},
		"Cloud, one":     {`{"code":"invalid","line":1,"message":"no"}`, []int{0}, false, []string{""}},
		"no such line":   {`{"code":"invalid","line":70,"message":"no"}`, nil, false, nil},
		"text of others": {"<html>unable to parse 'it'</html>", nil, false, nil},
	} {
		d := judge(answer{status: 400, body: []byte(test.body)}, judgedAt)
		b := blamed(d, len(lines), func(i int) []byte { return []byte(lines[i]) })
		if !slices.Equal(b.lines, test.lines) || b.certain != test.certain && len(b.lines) > 0 || test.reasons != nil && !slices.Equal(b.reasons, test.reasons) {
			t.Errorf("%s: got %+v, want %+v", name, b, test)
		}
	}
	// Every line has the field that is complained about, and so many were dropped.
	d := judge(answer{status: 422, body: []byte(messageBody(`partial write: field type conflict: input field "f" on measurement "m" is type float, already exists as type integer dropped=2`))}, judgedAt)
	if b := blamed(d, 2, func(i int) []byte { return []byte(lines[1+4*i]) }); !b.all(2) {
		t.Errorf("got %+v", b)
	}
}

func errorBody(text string) string   { return fmt.Sprintf(`{"error":%q}`, text) }
func messageBody(text string) string { return fmt.Sprintf(`{"code":"invalid","message":%q}`, text) }

// FuzzBlamed breaks if an answer, whatever it says, blames lines that are not in
// the request, one twice, or makes the output fail.
func FuzzBlamed(f *testing.F) {
	f.Add("m f=1i 1\nm f=2 2\nn f=nonsense 3", `{"error":"partial write: unable to parse 'n f=nonsense 3': invalid number\nunable to parse '"}`)
	f.Add("m f=1i 1\nm f=2 2", `{"message":"field type conflict: input field \"f\" on measurement \"m\" is type float, already dropped=1"}`)
	f.Add("m f=1i 1\nm f=2 2", `{"error":"points beyond retention policy dropped=1"}`)
	f.Add("m f=1i 1\nm f=2 2", `{"error":"x","data":[{"line_number":2,"error_message":"why"}]}`)
	f.Add("m f=1i 1\nm f=2 2", `{"code":"invalid","line":2,"message":"\nerror parsing line 1 (1-based): a"}`)
	f.Fuzz(func(t *testing.T, content, body string) {
		lines := strings.Split(content, "\n")
		d := judge(answer{status: 400, body: []byte(body)}, judgedAt)
		b := blamed(d, len(lines), func(i int) []byte { return []byte(lines[i]) })
		for i, line := range b.lines {
			if line < 0 || line >= len(lines) || i > 0 && line <= b.lines[i-1] {
				t.Fatalf("blames %v of %d lines", b.lines, len(lines))
			}
			if reason := b.reason(i, d); strings.ContainsAny(reason, "\r\n") || reason == "" {
				t.Fatalf("reason %q", reason)
			}
		}
		if b.reasons != nil && len(b.reasons) != len(b.lines) {
			t.Fatalf("%d reasons for %d lines", len(b.reasons), len(b.lines))
		}
	})
}
