package lineproto

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestNextLine(t *testing.T) {
	type want struct {
		line  string
		timed bool
		err   error
	}
	for name, test := range map[string]struct {
		msg  string
		want []want
	}{
		"empty":                         {"", nil},
		"blank lines":                   {"\n \n\t\n\r\n\x00", nil},
		"comments":                      {"# a\n # b\nm f=1 1\n# c", []want{{"m f=1 1", true, nil}}},
		"several":                       {"m f=1 1\nm,t=v f=T -2 \n  m f=t", []want{{"m f=1 1", true, nil}, {"m,t=v f=T -2 ", true, nil}, {"m f=t", false, nil}}},
		"carriage returns":              {"m f=1 1\r\nm f=1\r\nm f=\"a\"\r", []want{{"m f=1 1", true, nil}, {"m f=1", false, nil}, {"m f=\"a\"", false, nil}}},
		"newline in a string":           {"m f=\"a\nb\",g=\"\\\"\n\\\\\" 1\nm f=1 2", []want{{"m f=\"a\nb\",g=\"\\\"\n\\\\\" 1", true, nil}, {"m f=1 2", true, nil}}},
		"escapes":                       {`a\ b\,c,\ \,\==\ \,\=" \"\ \,\==1 1`, []want{{`a\ b\,c,\ \,\==\ \,\=" \"\ \,\==1 1`, true, nil}}},
		"broken between good":           {"m f=1 1\nm,t f=2 2\nm f=3 3", []want{{"m f=1 1", true, nil}, {"m,t f=2 2", false, ErrTag}, {"m f=3 3", true, nil}}},
		"open quote takes all":          {"m f=\"a 1\nm f=2 2\n", []want{{"m f=\"a 1\nm f=2 2\n", false, ErrQuote}}},
		"escaped newline":               {"m,t=a\\\nm f=1 1\nm f=2 2", []want{{"m,t=a\\\nm f=1 1", false, ErrNewline}, {"m f=2 2", true, nil}}},
		"backslash at the end":          {`m f=1 1\`, []want{{`m f=1 1\`, false, ErrTimestamp}}},
		"tag ends in backslash":         {"m,t=a\\", []want{{"m,t=a\\", false, ErrBackslash}}},
		"backslash, then space":         {"m,t=a\\\\ b f=1 1", []want{{"m,t=a\\\\ b f=1 1", false, ErrBackslash}}},
		"measurement hidden by =":       {`m\=x f=1 1`, []want{{`m\=x f=1 1`, false, ErrBackslash}}},
		"measurement hidden by ,":       {`m\\,x f=1 1`, []want{{`m\\,x f=1 1`, false, ErrBackslash}}},
		"no measurement":                {",t=v f=1 1", []want{{",t=v f=1 1", false, ErrMeasurement}}},
		"measurement alone":             {"m\nm", []want{{"m", false, ErrMeasurement}, {"m", false, ErrMeasurement}}},
		"no tag key":                    {"m,=v f=1", []want{{"m,=v f=1", false, ErrTag}}},
		"no tag value":                  {"m,t= f=1", []want{{"m,t= f=1", false, ErrTag}}},
		"equals in a tag":               {"m,t=v=w f=1", []want{{"m,t=v=w f=1", false, ErrTag}}},
		"comma behind the tags":         {"m,t=v, f=1", []want{{"m,t=v, f=1", false, ErrTag}}},
		"no fields":                     {"m,t=v ", []want{{"m,t=v ", false, ErrField}}},
		"no field key":                  {"m =1", []want{{"m =1", false, ErrField}}},
		"no field value":                {"m f=", []want{{"m f=", false, ErrField}}},
		"comma behind the fields":       {"m f=1, 1", []want{{"m f=1, 1", false, ErrField}}},
		"field named time":              {"m f=1,time=2 1", []want{{"m f=1,time=2 1", false, ErrTimeField}}},
		"mark":                          {"\uFEFFm f=1 1\n \uFEFF\uFEFFm f=2 2\n\uFEFF# c\n\uFEFF\n\uFEFF", []want{{"m f=1 1", true, nil}, {"m f=2 2", true, nil}}},
		"mark within":                   {"m\uFEFF,\uFEFFt=\uFEFF \uFEFFf=\"\uFEFF\" 1", []want{{"m\uFEFF,\uFEFFt=\uFEFF \uFEFFf=\"\uFEFF\" 1", true, nil}}},
		"half a mark":                   {"\xEF\xBBm f=1 1", []want{{"\xEF\xBBm f=1 1", true, nil}}},
		"field twice":                   {"m f=1,g=2,f=3 1\nm f=1 1", []want{{"m f=1,g=2,f=3 1", false, ErrFieldTwice}, {"m f=1 1", true, nil}}},
		"field twice, of types":         {`m f=1,f="x" 1`, []want{{`m f=1,f="x" 1`, false, ErrFieldTwice}}},
		"field twice, escaped":          {`m a\ b=1,a\"=2,a"=3 1`, []want{{`m a\ b=1,a\"=2,a"=3 1`, false, ErrFieldTwice}}},
		"fields alike":                  {`m f=1,F=2,ff=3,f\ =4,\"f=5,f\"=6,"=7 1`, []want{{`m f=1,F=2,ff=3,f\ =4,\"f=5,f\"=6,"=7 1`, true, nil}}},
		"tag ends in backslash, fields": {`disk,drive=C:\ v=1i 1`, []want{{`disk,drive=C:\ v=1i 1`, false, ErrBackslash}}},
		"tag ends in backslash, tag":    {`disk,drive=C:\,host=a v=1i 1`, []want{{`disk,drive=C:\,host=a v=1i 1`, false, ErrBackslash}}},
		"measurement ends in backslash": {`C:\ v=1i 1`, []want{{`C:\ v=1i 1`, false, ErrBackslash}}},
		"escaped key, no value":         {`m,a\ b=c,d f=1 1`, []want{{`m,a\ b=c,d f=1 1`, false, ErrTag}}},
		"escaped name, no value":        {`a\ b,t=c\ d f= 1`, []want{{`a\ b,t=c\ d f= 1`, false, ErrField}}},
		"behind a string":               {`m f="a"b 1`, []want{{`m f="a"b 1`, false, ErrQuote}}},
		"time is a float":               {"m f=1 1.5", []want{{"m f=1 1.5", false, ErrTimestamp}}},
		"time is a dash":                {"m f=1 1-", []want{{"m f=1 1-", false, ErrTimestamp}}},
		"time too large":                {"m f=1 99999999999999999999", []want{{"m f=1 99999999999999999999", false, ErrTimeOutside}}},
		"time of a sentinel":            {"m f=1 9223372036854775807", []want{{"m f=1 9223372036854775807", false, ErrTimeOutside}}},
		"something behind time":         {"m f=1 1 2", []want{{"m f=1 1 2", false, ErrTimestamp}}},
	} {
		t.Run(name, func(t *testing.T) {
			rest := []byte(test.msg)
			for _, want := range test.want {
				var line Line
				line, rest = NextLine(rest)
				if string(line.Bytes) != want.line || line.Err != want.err || line.Timed() != want.timed {
					t.Errorf("got %q, timed %v, %v; want %q, %v, %v", line.Bytes, line.Timed(), line.Err, want.line, want.timed, want.err)
				}
			}
			if line, rest := NextLine(rest); len(line.Bytes) > 0 || len(rest) > 0 {
				t.Errorf("one line too many: %q, %q", line.Bytes, rest)
			}
		})
	}
}

// If this fails, a duplicate among many fields is not found, or a line with many fields
// is rejected.
func TestFieldTwiceAmongMany(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfN(rapid.StringMatching(`[a-c]{1,5}(\\[ ,="]["a])?`), 1, 300).Draw(t, "keys")
		line, known, want := "m ", map[string]bool{}, error(nil)
		for i, key := range keys {
			plain := strings.ReplaceAll(key, `\"`, `"`)
			if known[plain] {
				want = ErrFieldTwice
			}
			known[plain] = true
			line += key + `=` + []string{"1", `"a,b=c"`, "t", `"\""`}[i%4] + ","
		}
		line = strings.TrimSuffix(line, ",") + " 1"
		if got, _ := NextLine([]byte(line)); got.Err != want {
			t.Fatalf("%s: %v, want %v", line, got.Err, want)
		}
	})
}

// If this fails, the time for a line grows with the square of its fields: half a
// million of them would take minutes.
func TestTimeGrowsLinearlyWithFields(t *testing.T) {
	line := []byte("m ")
	for i := range 500_000 {
		line = append(strconv.AppendInt(append(line, 'f'), int64(i), 10), "=1,"...)
	}
	line = append(line, "f0=1 1"...)
	began := time.Now()
	if got, _ := NextLine(line); got.Err != ErrFieldTwice {
		t.Error(got.Err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it takes %s", took)
	}
}

// If this fails, a message makes the scanner panic, loop, or return bytes that are not
// in the message. tests/influxparser checks that it splits as InfluxDB does.
func FuzzNextLine(f *testing.F) {
	f.Add([]byte("m,t=a\\ b f=\"a\nb\",g=1i -12\n# c\n\nm f=t\r\n"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		for rest := msg; len(rest) > 0; {
			line, behind := NextLine(rest)
			if len(behind) >= len(rest) || len(line.Bytes) > len(rest)-len(behind) || len(line.Bytes) == 0 && len(behind) > 0 {
				t.Fatalf("%q: line %q, rest %q", rest, line.Bytes, behind)
			}
			rest = behind
		}
	})
}
