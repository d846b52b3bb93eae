package lineproto

import (
	"testing"
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
		"empty":                   {"", nil},
		"blank lines":             {"\n \n\t\n\r\n\x00", nil},
		"comments":                {"# a\n # b\nm f=1 1\n# c", []want{{"m f=1 1", true, nil}}},
		"several":                 {"m f=1 1\nm,t=v f=T -2 \n  m f=t", []want{{"m f=1 1", true, nil}, {"m,t=v f=T -2 ", true, nil}, {"m f=t", false, nil}}},
		"carriage returns":        {"m f=1 1\r\nm f=1\r\nm f=\"a\"\r", []want{{"m f=1 1", true, nil}, {"m f=1", false, nil}, {"m f=\"a\"", false, nil}}},
		"newline in a string":     {"m f=\"a\nb\",g=\"\\\"\n\\\\\" 1\nm f=1 2", []want{{"m f=\"a\nb\",g=\"\\\"\n\\\\\" 1", true, nil}, {"m f=1 2", true, nil}}},
		"escapes":                 {`a\ b\,c,\ \,\==\ \,\=" \"\ \,\==1 1`, []want{{`a\ b\,c,\ \,\==\ \,\=" \"\ \,\==1 1`, true, nil}}},
		"broken between good":     {"m f=1 1\nm,t f=2 2\nm f=3 3", []want{{"m f=1 1", true, nil}, {"m,t f=2 2", false, ErrTag}, {"m f=3 3", true, nil}}},
		"open quote takes all":    {"m f=\"a 1\nm f=2 2\n", []want{{"m f=\"a 1\nm f=2 2\n", false, ErrQuote}}},
		"escaped newline":         {"m,t=a\\\nm f=1 1\nm f=2 2", []want{{"m,t=a\\\nm f=1 1", false, ErrNewline}, {"m f=2 2", true, nil}}},
		"backslash at the end":    {`m f=1 1\`, []want{{`m f=1 1\`, false, ErrTimestamp}}},
		"tag ends in backslash":   {"m,t=a\\", []want{{"m,t=a\\", false, ErrBackslash}}},
		"backslash, then space":   {"m,t=a\\\\ b f=1 1", []want{{"m,t=a\\\\ b f=1 1", false, ErrBackslash}}},
		"measurement hidden by =": {`m\=x f=1 1`, []want{{`m\=x f=1 1`, false, ErrBackslash}}},
		"measurement hidden by ,": {`m\\,x f=1 1`, []want{{`m\\,x f=1 1`, false, ErrBackslash}}},
		"no measurement":          {",t=v f=1 1", []want{{",t=v f=1 1", false, ErrMeasurement}}},
		"measurement alone":       {"m\nm", []want{{"m", false, ErrMeasurement}, {"m", false, ErrMeasurement}}},
		"no tag key":              {"m,=v f=1", []want{{"m,=v f=1", false, ErrTag}}},
		"no tag value":            {"m,t= f=1", []want{{"m,t= f=1", false, ErrTag}}},
		"equals in a tag":         {"m,t=v=w f=1", []want{{"m,t=v=w f=1", false, ErrTag}}},
		"comma behind the tags":   {"m,t=v, f=1", []want{{"m,t=v, f=1", false, ErrTag}}},
		"no fields":               {"m,t=v ", []want{{"m,t=v ", false, ErrField}}},
		"no field key":            {"m =1", []want{{"m =1", false, ErrField}}},
		"no field value":          {"m f=", []want{{"m f=", false, ErrField}}},
		"comma behind the fields": {"m f=1, 1", []want{{"m f=1, 1", false, ErrField}}},
		"field named time":        {"m f=1,time=2 1", []want{{"m f=1,time=2 1", false, ErrReserved}}},
		"behind a string":         {`m f="a"b 1`, []want{{`m f="a"b 1`, false, ErrQuote}}},
		"time is a float":         {"m f=1 1.5", []want{{"m f=1 1.5", false, ErrTimestamp}}},
		"time is a dash":          {"m f=1 1-", []want{{"m f=1 1-", false, ErrTimestamp}}},
		"time too large":          {"m f=1 99999999999999999999", []want{{"m f=1 99999999999999999999", false, ErrTimeOutside}}},
		"time of a sentinel":      {"m f=1 9223372036854775807", []want{{"m f=1 9223372036854775807", false, ErrTimeOutside}}},
		"something behind time":   {"m f=1 1 2", []want{{"m f=1 1 2", false, ErrTimestamp}}},
	} {
		t.Run(name, func(t *testing.T) {
			rest := []byte(test.msg)
			for _, want := range test.want {
				var line Line
				line, rest = NextLine(rest)
				if string(line.Bytes) != want.line || line.Err != want.err || line.Timed != want.timed {
					t.Errorf("got %q, timed %v, %v; want %q, %v, %v", line.Bytes, line.Timed, line.Err, want.line, want.timed, want.err)
				}
			}
			if line, rest := NextLine(rest); len(line.Bytes) > 0 || len(rest) > 0 {
				t.Errorf("one line too many: %q, %q", line.Bytes, rest)
			}
		})
	}
}

// FuzzNextLine breaks if some message makes the scanner panic, stand still or
// give bytes that are not the message's. That it cuts as InfluxDB does is
// tested in tests/influxparser.
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
