package influxdb

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
)

func structured(v any) *service.Message {
	m := service.NewMessage(nil)
	m.SetStructured(v)
	return m
}

func pointMessage(fields map[string]any) *service.Message {
	return structured(map[string]any{"measurement": "m", "fields": fields, "timestamp": int64(7)})
}

func raw(content string) *service.Message { return service.NewMessage([]byte(content)) }

// encodeOne gives the lines and the reasons of refusal of one message.
func encodeOne(e *encoder, m *service.Message) (lines, reasons, classes []string) {
	cl := newCall()
	for _, r := range e.encode(service.MessageBatch{m}, &cl.lines) {
		reasons, classes = append(reasons, r.reason), append(classes, r.class)
	}
	for i := range cl.lines.len() {
		lines = append(lines, string(cl.lines.line(i)))
	}
	return lines, reasons, classes
}

func TestEncode(t *testing.T) {
	e := newEncoder(testConfig())
	for name, test := range map[string]struct {
		message *service.Message
		lines   []string
		reason  string // the beginning of one of the reasons; empty: none is refused
		class   string
	}{
		"lines":              {raw("m f=1 1\n\n# c\nm,t=v f=2 2"), []string{"m f=1 1", "m,t=v f=2 2"}, "", ""},
		"newline in a value": {raw("m s=\"a\nb\" 1\n"), []string{"m s=\"a\nb\" 1"}, "", ""},
		"one line is broken": {raw("m f=1 1\nm f= 2\nm f=3 3"), []string{"m f=1 1", "m f=3 3"}, "the line has no fields", classMalformed},
		"no timestamp":       {raw("m f=1\nm f=2 2"), []string{"m f=2 2"}, "no timestamp", classTimestamp},
		"float timestamp":    {raw("m f=1 1.5"), nil, "the line has a timestamp", classTimestamp},
		"empty":              {raw(""), nil, "", ""},
		"comment alone":      {raw("# nothing\n"), nil, "", ""},
		"field named time":   {raw("m f=1,time=3 1"), nil, "the line has a field named time, which InfluxDB drops", classMalformed},

		"object": {structured(map[string]any{
			"measurement": "tweets", "timestamp": int64(1700000000000000001),
			"tags":   map[string]any{"sentiment": "positive", "brand": "Super Coffee", "none": nil, "n": 3, "ok": true, "f": 1.5},
			"fields": map[string]any{"count": int64(3), "text": "a \"b\"\n", "f": 1.0, "b": false, "none": nil, "u": uint64(math.MaxUint64)},
		}), []string{`tweets,brand=Super\ Coffee,f=1.5,n=3,ok=true,sentiment=positive b=false,count=3i,f=1,text="a \"b\"` + "\n" + `",u=18446744073709551615u 1700000000000000001`}, "", ""},
		"object as JSON": {raw(` {"measurement":"m","tags":{"t":7},"fields":{"i":9223372036854775807,"f":1e3,"g":2.0,"u":9223372036854775808},"timestamp":1700000000000000001}`),
			[]string{"m,t=7 f=1000,g=2,i=9223372036854775807i,u=9223372036854775808u 1700000000000000001"}, "", ""},
		"timestamp of Bloblang": {structured(map[string]any{"measurement": "m", "fields": map[string]any{"f": 1}, "timestamp": time.Unix(1, 2)}), []string{"m f=1i 1000000002"}, "", ""},

		"broken JSON":           {raw(`{"measurement":`), nil, "reading the message as JSON", classMalformed},
		"array":                 {structured("m f=1 1"), nil, "a structured message must be an object", classMalformed},
		"unknown key":           {raw(`{"measurement":"m","value":1}`), nil, `"value" is not one of`, classMalformed},
		"no measurement":        {raw(`{"fields":{"f":1},"timestamp":1}`), nil, "the measurement must not be empty", classMalformed},
		"no fields":             {pointMessage(nil), nil, "the point has no fields", classMalformed},
		"null fields alone":     {pointMessage(map[string]any{"f": nil}), nil, "the point has no fields", classMalformed},
		"object without time":   {raw(`{"measurement":"m","fields":{"f":1}}`), nil, "no timestamp", classTimestamp},
		"time is a float":       {raw(`{"measurement":"m","fields":{"f":1},"timestamp":1.7e18}`), nil, "the timestamp must be an integer", classTimestamp},
		"time is text":          {raw(`{"measurement":"m","fields":{"f":1},"timestamp":"2026-01-01T00:00:00Z"}`), nil, "the timestamp must be an integer", classTimestamp},
		"time too large":        {raw(`{"measurement":"m","fields":{"f":1},"timestamp":9223372036854775807}`), nil, "the timestamp is outside", classTimestamp},
		"time above 64 bits":    {raw(`{"measurement":"m","fields":{"f":1},"timestamp":99999999999999999999}`), nil, "the timestamp is the integer", classTimestamp},
		"time in the year 3000": {structured(map[string]any{"measurement": "m", "fields": map[string]any{"f": 1}, "timestamp": time.Date(3000, 1, 1, 0, 0, 0, 0, time.UTC)}), nil, "the timestamp is outside", classTimestamp},
		"NaN":                   {pointMessage(map[string]any{"f": math.NaN()}), nil, `the field "f" is NaN`, classMalformed},
		"infinite":              {pointMessage(map[string]any{"f": math.Inf(1)}), nil, `the field "f" is NaN or infinite`, classMalformed},
		"integer too large":     {pointMessage(map[string]any{"f": json.Number("99999999999999999999")}), nil, `the field "f" is the integer`, classMalformed},
		"float too large":       {pointMessage(map[string]any{"f": json.Number("1e999")}), nil, `the field "f" is the number`, classMalformed},
		"object in a field":     {pointMessage(map[string]any{"f": map[string]any{}}), nil, `the field "f" must be a string`, classMalformed},
		"key named time":        {pointMessage(map[string]any{"time": 1}), nil, `the key of field "time" is a name`, classMalformed},
		"empty tag":             {structured(map[string]any{"measurement": "m", "tags": map[string]any{"t": ""}, "fields": map[string]any{"f": 1}, "timestamp": 1}), nil, `the tag "t" must not be empty`, classMalformed},
		"tag ends in backslash": {structured(map[string]any{"measurement": "m", "tags": map[string]any{"t": `C:\`}, "fields": map[string]any{"f": 1}, "timestamp": 1}), nil, `the tag "t" ends in a backslash`, classMalformed},
		"tag named _field":      {structured(map[string]any{"measurement": "m", "tags": map[string]any{"_field": "x"}, "fields": map[string]any{"f": 1}, "timestamp": 1}), nil, `the key of tag "_field"`, classMalformed},
		"key too long":          {structured(map[string]any{"measurement": "m", "tags": map[string]any{"t": strings.Repeat("x", 65525)}, "fields": map[string]any{"ffffff": 1}, "timestamp": 1}), nil, "the key of measurement, tags and field", classTooLarge},
		"string too long":       {pointMessage(map[string]any{"f": strings.Repeat("x", lineproto.MaxStringLen+1)}), nil, `the field "f" is longer`, classTooLarge},
		"line too long":         {raw("m s=\"" + strings.Repeat("x", 4_000_000) + "\" 1\nm f=1 1"), []string{"m f=1 1"}, "the line is longer", classTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			lines, reasons, classes := encodeOne(e, test.message)
			if !slices.Equal(lines, test.lines) {
				t.Errorf("lines %q", lines)
			}
			if (test.reason == "") != (len(reasons) == 0) || len(reasons) > 1 || len(reasons) == 1 && (!strings.HasPrefix(reasons[0], test.reason) || classes[0] != test.class) {
				t.Errorf("reasons %q, classes %q", reasons, classes)
			}
		})
	}
}

func mustMapping(t testing.TB, mapping string) *bloblang.Executor {
	t.Helper()
	executor, err := bloblang.Parse(mapping)
	if err != nil {
		t.Fatal(err)
	}
	return executor
}

func mustTemplate(t testing.TB, name, text string) *template {
	t.Helper()
	whole, err := service.NewInterpolatedString(text)
	if err != nil {
		t.Fatal(err)
	}
	return newTemplate(name, whole, text)
}

func TestMappings(t *testing.T) {
	conf := testConfig()
	conf.measurement = mustTemplate(t, fieldMeasurement, `${! meta("kind") }`)
	conf.tags = mustMapping(t, `root.city = this.city`)
	conf.fields = mustMapping(t, `root.celsius = this.temperature
root.n = this.n.not_null() | deleted()`)
	conf.timestamp = mustMapping(t, `root = if this.ms.type() == "number" { this.ms * 1000000 } else { this.ms }`)
	e := newEncoder(conf)
	for name, test := range map[string]struct {
		json, line, reason string
	}{
		"whole":           {`{"city":"Cape Town","temperature":21.5,"n":3,"ms":1700000000001}`, `weather,city=Cape\ Town celsius=21.5,n=3i 1700000000001000000`, ""},
		"null tag":        {`{"city":null,"temperature":21.5,"ms":1700000000001}`, `weather celsius=21.5 1700000000001000000`, ""},
		"no city":         {`{"temperature":21.5,"ms":1700000000001}`, `weather celsius=21.5 1700000000001000000`, ""},
		"time is a list":  {`{"city":"x","temperature":21.5,"ms":[1]}`, "", "the timestamp must be an integer of nanoseconds or a Bloblang timestamp, this is an array"},
		"no time":         {`{"city":"x","temperature":21.5}`, "", "no timestamp"},
		"not JSON":        {`weather f=1 1`, "", "mapping tags"},
		"float timestamp": {`{"city":"x","temperature":21.5,"ms":1.5}`, "", "the timestamp must be an integer"},
		"nothing to say":  {`{"city":"x","temperature":null,"ms":1}`, "", "the point has no fields"},
	} {
		t.Run(name, func(t *testing.T) {
			m := raw(test.json)
			m.MetaSetMut("kind", "weather")
			lines, reasons, _ := encodeOne(e, m)
			if got := strings.Join(lines, "\n"); got != test.line {
				t.Errorf("line %q", got)
			}
			if got := strings.Join(reasons, "\n"); !strings.HasPrefix(got, test.reason) || (got == "") != (test.reason == "") {
				t.Errorf("reason %q", got)
			}
		})
	}
}

// TestUnsigned breaks if an unsigned field cannot be continued, if one is written
// where nobody has asked for it, or if an integer changes its type with its size.
func TestUnsigned(t *testing.T) {
	fields := `root.a = this.n.uint64()
root.b = this.n.uint8()
root.c = this.n
root.d = this.n.int64()
root.e = this.big
root.f = this.n.float64()`
	const json = `{"n":65,"big":9223372036854775808}`
	for unsigned, want := range map[bool]string{
		false: "m a=65i,b=65i,c=65i,d=65i,e=9223372036854775808u,f=65 7",
		true:  "m a=65u,b=65u,c=65i,d=65i,e=9223372036854775808u,f=65 7",
	} {
		conf := mapping(t, testConfig(), "m", fields, `root = this.n - 58`)
		conf.unsigned = unsigned
		if lines, reasons, _ := encodeOne(newEncoder(conf), raw(json)); len(lines) != 1 || lines[0] != want {
			t.Errorf("unsigned %v: %q, %q", unsigned, lines, reasons)
		}
		e := newEncoder(func() config { c := testConfig(); c.unsigned = unsigned; return c }())
		want := map[bool]string{false: "m f=5i,g=5i,h=18446744073709551615u 7", true: "m f=5u,g=5u,h=18446744073709551615u 7"}[unsigned]
		if lines, _, _ := encodeOne(e, pointMessage(map[string]any{"f": uint64(5), "g": uint(5), "h": uint64(math.MaxUint64)})); lines[0] != want {
			t.Errorf("unsigned %v: %q", unsigned, lines)
		}
	}
}

// TestPointIsOneLineOrRefused breaks if some point gives a line that is none, or
// that holds another point's bytes, or if the order of a map shows in the bytes.
func TestPointIsOneLineOrRefused(t *testing.T) {
	text := rapid.StringOf(rapid.RuneFrom([]rune("ab ,=\\\"\n\t#é\x00\uFEFF")))
	value := rapid.OneOf(rapid.Map(text, func(s string) any { return s }), rapid.Map(rapid.Int64(), func(i int64) any { return i }),
		rapid.Map(rapid.Float64(), func(f float64) any { return f }), rapid.Just(any(nil)), rapid.Just(any(true)))
	e := newEncoder(testConfig())
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{
			"measurement": text.Draw(t, "measurement"),
			"tags":        rapid.MapOfN(text, value, 0, 3).Draw(t, "tags"),
			"fields":      rapid.MapOfN(text, value, 0, 3).Draw(t, "fields"),
			"timestamp":   rapid.Int64().Draw(t, "timestamp"),
		}
		lines, reasons, _ := encodeOne(e, structured(object))
		if len(lines)+len(reasons) != 1 {
			t.Fatalf("lines %q, reasons %q", lines, reasons)
		}
		if len(lines) == 0 {
			return
		}
		line, rest := lineproto.NextLine([]byte(lines[0]))
		if line.Err != nil || !line.Timed() || len(rest) > 0 || string(line.Bytes) != lines[0] {
			t.Fatalf("%q is read as %q: %v", lines[0], line.Bytes, line.Err)
		}
		if again, _, _ := encodeOne(e, structured(object)); again[0] != lines[0] {
			t.Fatalf("%q, then %q", lines[0], again[0])
		}
	})
}

// TestPointsDoNotMix breaks if a point gets a tag, a field or a value of the one
// before it in the batch, or keeps its order of keys.
func TestPointsDoNotMix(t *testing.T) {
	key := rapid.SampledFrom([]string{"a", "b", "c", "d"})
	value := rapid.Map(rapid.IntRange(0, 9), func(i int) any {
		if i == 0 {
			return nil
		}
		return i
	})
	e := newEncoder(testConfig())
	rapid.Check(t, func(t *rapid.T) {
		var batch service.MessageBatch
		var want, got []string
		for range rapid.IntRange(1, 6).Draw(t, "points") {
			m := structured(map[string]any{
				"measurement": "m",
				"tags":        rapid.MapOfN(key, value, 0, 3).Draw(t, "tags"),
				"fields":      rapid.MapOfN(key, value, 1, 3).Draw(t, "fields"),
				"timestamp":   7,
			})
			batch = append(batch, m)
			lines, _, _ := encodeOne(e, m)
			want = append(want, lines...)
		}
		cl := newCall()
		e.encode(batch, &cl.lines)
		for i := range cl.lines.len() {
			got = append(got, string(cl.lines.line(i)))
		}
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
	})
}

// TestLinesAreThoseOfTheMessages breaks if a line is lost, changed or taken for
// another message's by what saves copying, or if a message is written to.
func TestLinesAreThoseOfTheMessages(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		"m f=1 1\n", "m,t=v f=2i 22\n", "m s=\"a\nb\" 3\n", "m f=4 4 \n", // as they are sent
		" m f=5 5\n", "\nm f=6 6\n", "m f=7 7\r\n", "# c\nm f=8 8\n", "m f=9 9", "\tm f=10 10", "m f=11 11\r", // not so
		"m f= 12\n", "m f=13\n", "\n", "# c\n", " ", "\r\n", // no points
	})
	content := rapid.Map(rapid.SliceOfN(piece, 0, 8), func(pieces []string) string { return strings.Join(pieces, "") })
	e := newEncoder(testConfig())
	cl := newCall()
	rapid.Check(t, func(t *rapid.T) {
		type line struct {
			message int
			text    string
		}
		var want, got []line
		var batch service.MessageBatch
		contents := rapid.SliceOfN(content, 1, 3).Draw(t, "messages")
		for i, text := range contents {
			for rest := []byte(text); ; {
				var l lineproto.Line
				if l, rest = lineproto.NextLine(rest); len(l.Bytes) == 0 {
					break
				} else if l.Err == nil && l.Timed() {
					want = append(want, line{i, string(l.Bytes)})
				}
			}
			batch = append(batch, raw(text))
		}
		cl.reset()
		e.encode(batch, &cl.lines)
		for i := range cl.lines.len() {
			got = append(got, line{int(cl.lines.from[i]), string(cl.lines.line(i))})
		}
		if !slices.Equal(got, want) || cl.lines.start(len(got)) != len(cl.lines.buf) {
			t.Fatalf("got %v in %q, want %v", got, cl.lines.buf, want)
		}
		cl.lines.buf = append(cl.lines.buf, "not to be in a message"...)
		cl.lines.reset()
		cl.lines.buf = append(cl.lines.buf, "nor this"...)
		for i, m := range batch {
			if text, err := m.AsBytes(); err != nil || string(text) != contents[i] {
				t.Fatalf("message %d is %q now (%v)", i, text, err)
			}
		}
	})
}

// TestLinesDoNotAllocatePerPoint breaks if points that come as line protocol cost
// garbage.
func TestLinesDoNotAllocatePerPoint(t *testing.T) {
	e := newEncoder(testConfig())
	batch := service.MessageBatch{message(linesOf(0, 4000)...)}
	cl := newCall()
	e.encode(batch, &cl.lines)
	if n := testing.AllocsPerRun(20, func() {
		cl.reset()
		if refusals := e.encode(batch, &cl.lines); len(refusals) > 0 || cl.lines.len() != 4000 {
			t.Error(refusals)
		}
	}); n > 1 {
		t.Errorf("%v allocations for 4000 points", n)
	}
}

// FuzzEncode breaks if some message vanishes, neither a point nor refused, or if
// what is refused is not the message's own bytes.
func FuzzEncode(f *testing.F) {
	for _, seed := range []string{"m f=1 1\nm f=\"a\nb\",g=1i -12\n# c\n\nm f=t\r\n", `{"measurement":"m","fields":{"f":1e3},"timestamp":1}`, "{", "", "# c", " {\"tags\":{\"t\":null}}"} {
		f.Add([]byte(seed))
	}
	e := newEncoder(testConfig())
	f.Fuzz(func(t *testing.T, content []byte) {
		cl := newCall()
		refusals := e.encode(service.MessageBatch{service.NewMessage(content)}, &cl.lines)
		if cl.lines.len()+len(refusals)+cl.lines.blank == 0 {
			t.Fatalf("%q vanishes", content)
		}
		for _, r := range refusals {
			if r.reason == "" || r.class == "" || r.message != 0 || !bytes.Contains(content, r.text) {
				t.Fatalf("%q: refusal %+v", content, r)
			}
		}
		for i := range cl.lines.len() {
			line, rest := lineproto.NextLine(cl.lines.line(i))
			if line.Err != nil || !line.Timed() || len(rest) > 0 || !bytes.Equal(line.Bytes, cl.lines.line(i)) {
				t.Fatalf("%q: line %q is read as %q: %v", content, cl.lines.line(i), line.Bytes, line.Err)
			}
		}
	})
}
