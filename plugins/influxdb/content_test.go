package influxdb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

const pointJSON = `{"measurement":"m","fields":{"f":1},"timestamp":7}`

// TestContent breaks if a message that is neither line protocol nor a point is
// refused for a reason that is not the cause, or if one is changed on the way.
func TestContent(t *testing.T) {
	e := newEncoder(testConfig())
	for name, test := range map[string]struct {
		content string
		lines   []string
		reason  string // the beginning; empty: none is refused
		class   string
	}{
		"JSON array":               {`[` + pointJSON + `]`, nil, "the message is a JSON array: split it into its elements, with `unarchive: { format: json_array }`", classMalformed},
		"JSON array over lines":    {"[\n" + pointJSON + ",\n" + pointJSON + "\n]\n", nil, "the message is a JSON array", classMalformed},
		"JSON string":              {`"m f=1 1"`, nil, "the message is a JSON string", classMalformed},
		"JSON null":                {`null`, nil, "the message is a JSON value", classMalformed},
		"JSON number":              {" 17\n", nil, "the message is a JSON value", classMalformed},
		"short line":               {"1 2=3 4", []string{"1 2=3 4"}, "", ""},
		"measurement with bracket": {"[m] f=1 1\n\"m\" f=2 2", []string{"[m] f=1 1", `"m" f=2 2`}, "", ""},
		"NaN in JSON":              {`{"measurement":"m","fields":{"f":NaN},"timestamp":7}`, nil, "reading the message as JSON: invalid character 'N' looking for beginning of value", classMalformed},
		"two objects":              {pointJSON + "\n" + pointJSON, nil, "reading the message as JSON: message contains multiple valid documents; split it, with `unarchive: { format: lines }`", classMalformed},
		"field twice":              {`{"measurement":"m","fields":{"f":1,"f":2},"timestamp":7}`, nil, `the message is ambiguous JSON: jsontext: duplicate object member name "f"`, classMalformed},
		"field twice, escaped":     {`{"measurement":"m","fields":{"f":1,"\u0066":2},"timestamp":7}`, nil, `the message is ambiguous JSON`, classMalformed},
		"half a surrogate pair":    {`{"measurement":"m","tags":{"t":"\ud83d"},"fields":{"f":1},"timestamp":7}`, nil, `the message is ambiguous JSON`, classMalformed},
		"not UTF-8":                {"{\"measurement\":\"m\",\"tags\":{\"t\":\"\xff\"},\"fields\":{\"f\":1},\"timestamp\":7}", nil, `the message is ambiguous JSON`, classMalformed},
		"surrogate pair":           {`{"measurement":"m","tags":{"t":"\ud83d\ude42"},"fields":{"f":1},"timestamp":7}`, []string{"m,t=🙂 f=1i 7"}, "", ""},
		"mark before lines":        {"\uFEFFm f=1 1\nm f=2 2", []string{"m f=1 1", "m f=2 2"}, "", ""},
		"mark before JSON":         {"\uFEFF" + pointJSON, []string{"m f=1i 7"}, "", ""},
		"mark in the middle":       {"m f=1 1\n\uFEFFm f=2 2", []string{"m f=1 1", "m f=2 2"}, "", ""},
		"mark in a name of JSON":   {`{"measurement":"\uFEFFm","fields":{"f":1},"timestamp":7}`, nil, "the measurement begins with a byte order mark", classMalformed},
		"mark in a key of JSON":    {`{"measurement":"m","fields":{"\uFEFFf":1},"timestamp":7}`, nil, `the key of field "\ufefff" begins with a byte order mark`, classMalformed},
		"UTF-16":                   {"\xFF\xFEm\x00 \x00f\x00=\x001\x00 \x001\x00", nil, "the message begins with the byte order mark of UTF-16", classMalformed},
		"UTF-16, the other way":    {"\xFE\xFF\x00m\x00 \x00f", nil, "the message begins with the byte order mark of UTF-16", classMalformed},
		"tag ends in backslash":    {`disk,drive=C:\ v=1i 1700000000000000000`, nil, "the line ends in a backslash", classMalformed},
		"fields twice in a line":   {"m f=1,f=2 1\nm f=3 3", []string{"m f=3 3"}, "the line has the same field twice", classMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			message := raw(test.content)
			lines, reasons, classes := encodeOne(e, message)
			if !slices.Equal(lines, test.lines) {
				t.Errorf("lines %q", lines)
			}
			if (test.reason == "") != (len(reasons) == 0) || len(reasons) > 1 || len(reasons) == 1 && (!strings.HasPrefix(reasons[0], test.reason) || classes[0] != test.class) {
				t.Errorf("reasons %q, classes %q", reasons, classes)
			}
			if content, err := message.AsBytes(); err != nil || string(content) != test.content {
				t.Errorf("the message is %q now (%v)", content, err)
			}
		})
	}
}

// TestReasonsAreBounded breaks if a reason repeats a part of the message of any
// length, or as it is: it becomes a header, and a log line.
func TestReasonsAreBounded(t *testing.T) {
	long := strings.Repeat("null\t", 200_000)
	withTag := mapping(t, testConfig(), `m`, `root.f = 1`, `root = 7`)
	withTag.tags = mustMapping(t, `root.t = this.long + this.no.string()`)
	withTag.tagsTraced, _ = traceEnvironment().Parse(`root.t = this.long + this.no.string()`)
	for name, test := range map[string]struct {
		conf    config
		message *service.Message
	}{
		"key":         {testConfig(), pointMessage(map[string]any{long + "\n": 1})},
		"JSON name":   {testConfig(), raw(`{"` + strings.Repeat("n", 1_000_000) + `":1,"` + strings.Repeat("n", 1_000_000) + `":2}`)},
		"unknown key": {testConfig(), structured(map[string]any{long: 1})},
		"measurement": {mapping(t, testConfig(), `${! this.long }${! this.no }`, `root.f = 1`, `root = 7`), structured(map[string]any{"long": long})},
		"tag":         {withTag, structured(map[string]any{"long": long})},
	} {
		_, reasons, _ := encodeOne(newEncoder(test.conf), test.message)
		if len(reasons) != 1 || len(reasons[0]) > letter.MaxText+16 || strings.ContainsAny(reasons[0], "\t\n") {
			t.Errorf("%s: %d reasons, %.2000q", name, len(reasons), reasons)
		}
	}
}

// TestBlankMessagesEnd breaks if a message of blank lines and comments holds up the
// stream, or is not counted.
func TestBlankMessagesEnd(t *testing.T) {
	mapped := mapping(t, testConfig(), `${! this.kind }`, `root.f = this.f`, `root = this.ns`)
	for name, test := range map[string]struct {
		conf    config
		content []string
		blank   int
		points  int
	}{
		"lines":          {testConfig(), []string{"exp,host=a v=1i 1", "", "# note", "exp,host=a v=2i 2"}, 2, 2},
		"of all kinds":   {testConfig(), []string{"", "\n \t\r\n", "\r", "# a\n#b", " # c\n\n", "\uFEFF", "\uFEFF# d", "\x00"}, 8, 0},
		"mappings, JSON": {mapped, []string{`{"kind":"m","f":1,"ns":1}`, "", " \n", "\uFEFF"}, 3, 1},
	} {
		t.Run(name, func(t *testing.T) {
			fake := influxfake.New(influxfake.Options{})
			o, log := startOutput(t, test.conf, fake, nil)
			var batch service.MessageBatch
			for _, content := range test.content {
				batch = append(batch, raw(content))
			}
			cl := newCall()
			if refusals := o.encoder.encode(batch, &cl.lines); len(refusals) > 0 || cl.lines.blank != test.blank {
				t.Errorf("%d blank, refused %+v", cl.lines.blank, refusals)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := o.WriteBatch(ctx, batch); err != nil {
				t.Fatalf("%v\n%s", err, log.String())
			}
			if stored := fake.Stored(); len(stored) != test.points {
				t.Errorf("stored: %v", stored)
			}
		})
	}
	t.Run("counted", func(t *testing.T) {
		address, stop := influxfake.New(influxfake.Options{}).Listen()
		defer stop()
		metrics := newRecorder()
		recorded(t, metrics, "influxdb: { url: '"+address+"', org: org, bucket: bucket }")(
			func(ctx context.Context, produce service.MessageBatchHandlerFunc) {
				if err := produce(ctx, service.MessageBatch{raw("# a"), raw(""), raw(lineOf(1))}); err != nil {
					t.Error(err)
				}
			})
		if n := metrics.sums["influxdb_messages_blank"]; n != 2 {
			t.Errorf("%d blank messages are counted", n)
		}
	})
}

// TestBlankForTheBody breaks if a message without a body is skipped although its
// point comes from the metadata, or is lost because its bucket is in the body.
func TestBlankForTheBody(t *testing.T) {
	conf := mapping(t, testConfig(), `${! @kind }`, `root.f = @f`, `root = @ns`)
	m := raw("")
	for key, value := range map[string]any{"kind": "m", "f": 1, "ns": 7} {
		m.MetaSetMut(key, value)
	}
	if lines, reasons, _ := encodeOne(newEncoder(conf), m); len(lines) != 1 || lines[0] != "m f=1i 7" {
		t.Errorf("lines %q, reasons %q", lines, reasons)
	}
	conf.bucket, conf.bucketOf = "", mustTemplate(t, fieldBucket, `${! this.tenant }`)
	lines, reasons, classes := encodeOne(newEncoder(conf), m)
	if len(lines) > 0 || len(reasons) != 1 || !strings.Contains(reasons[0], "filling in bucket: the message is blank") || classes[0] != classBucket {
		t.Errorf("lines %q, reasons %q, classes %q", lines, reasons, classes)
	}
}

// TestNotJSON breaks if a mapping or a name that needs JSON hides that the message
// is none. The words of Benthos are looked for, so a new version of it can break it.
func TestNotJSON(t *testing.T) {
	const nan = `{"kind":"temperature","v":NaN,"ns":1}`
	for name, conf := range map[string]config{
		"measurement": mapping(t, testConfig(), `${! this.kind }`, `root.v = this.v`, `root = this.ns`),
		"whole this":  mapping(t, testConfig(), `${! this.get("kind") }`, `root.v = this.v`, `root = this.ns`),
		"fields":      mapping(t, testConfig(), `m`, `root.v = this.v`, `root = 7`),
		"timestamp":   mapping(t, testConfig(), `m`, `root.v = 1`, `root = this.ns`),
		"bucket": func() config {
			conf := mapping(t, testConfig(), `m`, `root.v = 1`, `root = 7`)
			conf.bucket, conf.bucketOf = "", mustTemplate(t, fieldBucket, `${! this.tenant }`)
			return conf
		}(),
	} {
		_, reasons, _ := encodeOne(newEncoder(conf), raw(nan))
		if len(reasons) != 1 || !strings.HasSuffix(reasons[0], "the message is not JSON: invalid character 'N' looking for beginning of value") {
			t.Errorf("%s: %q", name, reasons)
		}
	}
	conf := mapping(t, testConfig(), `m`, `root.v = content().string()`, `root = 7`)
	if lines, reasons, _ := encodeOne(newEncoder(conf), raw("{plain")); len(lines) != 1 || lines[0] != `m v="{plain" 7` {
		t.Errorf("a mapping of what is no JSON: %q, %q", lines, reasons)
	}
	if err := orNotJSON(raw(nan), errors.New("another")); err.Error() != "another" {
		t.Error(err)
	}
}

// TestArrayForMappings breaks if a mapping that finds no key hides that the message
// is an array, or if one that takes an array is not let.
func TestArrayForMappings(t *testing.T) {
	conf := mapping(t, testConfig(), `m`, `root.v = this.v`, `root = 7`)
	for _, m := range []*service.Message{raw(`[{"v":1}]`), structured([]any{map[string]any{"v": 1}})} {
		if lines, reasons, _ := encodeOne(newEncoder(conf), m); len(lines) > 0 || !strings.Contains(reasons[0], "the message is a JSON array: split it") {
			t.Errorf("%q, %q", lines, reasons)
		}
	}
	conf = mapping(t, testConfig(), `m`, `root.v = this.index(0)`, `root = this.index(1)`)
	if lines, reasons, _ := encodeOne(newEncoder(conf), raw(`[1,7]`)); len(lines) != 1 || lines[0] != "m v=1i 7" {
		t.Errorf("%q, %q", lines, reasons)
	}
	if _, reasons, _ := encodeOne(newEncoder(testConfig()), structured([]any{})); reasons[0] != errArray.Error() {
		t.Errorf("%q", reasons)
	}
}

// TestAmbiguousJSONForMappings breaks if a mapping gets one of two values, or text
// that the message does not have.
func TestAmbiguousJSONForMappings(t *testing.T) {
	e := newEncoder(mapping(t, testConfig(), `m`, `root.v = this.v`, `root = 7`))
	for _, content := range []string{`{"v":1,"v":2}`, "{\"v\":1,\"brand\":\"\xff\"}", `{"v":1,"brand":"\udc00"}`} {
		if lines, reasons, _ := encodeOne(e, raw(content)); len(lines) > 0 || !strings.HasPrefix(reasons[0], "the message is ambiguous JSON") {
			t.Errorf("%s: %q, %q", content, lines, reasons)
		}
	}
}

// mapping is conf with mappings to points.
func mapping(t testing.TB, conf config, measurement, fields, timestamp string) config {
	t.Helper()
	conf.measurement = mustTemplate(t, fieldMeasurement, measurement)
	conf.fields, conf.timestamp = mustMapping(t, fields), mustMapping(t, timestamp)
	return conf
}
