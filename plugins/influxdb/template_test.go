package influxdb

import (
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/bloblang"
	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/interpolation"
)

// TestMissingIsNoName breaks if a key that is missing becomes the text null in the
// name of a measurement or bucket, or if a name that has these letters is refused.
func TestMissingIsNoName(t *testing.T) {
	for text, test := range map[string]struct{ json, want, missing string }{
		`${! this.kind }`:                      {`{"v":1}`, "", "this.kind"},
		`${!this.kind}`:                        {`{"kind":null}`, "", "this.kind"},
		`tenant_${! this.tenant }`:             {`{}`, "", "this.tenant"},
		`${! this.a }_${! this.b }`:            {`{"a":"x"}`, "", "this.b"},
		`${! this.a.b.c }`:                     {`{"a":{}}`, "", "this.a.b.c"},
		`${! @no_such_key }`:                   {`{}`, "", "@no_such_key"},
		`${! meta("no_such_key") }`:            {`{}`, "", `meta("no_such_key")`},
		`${! json("kind") }`:                   {`{}`, "", `json("kind")`},
		`${! if this.a == 1 { this.kind } }`:   {`{"kind":"x"}`, "", `if this.a == 1 { this.kind }`},
		`${! deleted() }`:                      {`{}`, "", `deleted()`},
		`${! this.kind.string() }`:             {`{}`, "", `this.kind.string()`},
		`${! "t_" + this.kind.string() }`:      {`{}`, "", `"t_" + this.kind.string()`},
		`${! "t_%v".format(this.kind) }`:       {`{}`, "", `"t_%v".format(this.kind)`},
		`${! "t_%s".format(this.kind) }`:       {`{}`, "", `"t_%s".format(this.kind)`},
		`${! this.kind.or("}").or({"a": 1}) }`: {`{}`, "}", ""},

		`${! this.kind.string().capitalize() }`: {`{}`, "", `this.kind.string().capitalize()`},
		`${! this.kind.string().bytes() }`:      {`{}`, "", `this.kind.string().bytes()`},
		// Text made of null, and changed.
		`${! this.k.format_json() }`:                     {`{}`, "", `this.k.format_json()`},
		`${! this.k.format_json().string() }`:            {`{}`, "", `this.k.format_json().string()`},
		`${! this.k.bytes() }`:                           {`{}`, "", `this.k.bytes()`},
		`${! this.k.string().slice(0,2) }`:               {`{}`, "", `this.k.string().slice(0,2)`},
		`${! this.k.string().re_replace_all("u", "o") }`: {`{}`, "", `this.k.string().re_replace_all("u", "o")`},
		`${! this.k.string().encode("base64") }`:         {`{}`, "", `this.k.string().encode("base64")`},
		`${! this.k.string().length() }`:                 {`{}`, "", `this.k.string().length()`},
		`${! [this.k].string() }`:                        {`{}`, "", `[this.k].string()`},
		`${! "%v".format(this.k).slice(1,3) }`:           {`{}`, "", `"%v".format(this.k).slice(1,3)`},
		// The same with a value.
		`a${! this.k.string().slice(0,2) }`:                                    {`{"k":"text"}`, "ate", ""},
		`a${! this.k.string().encode("base64") }`:                              {`{"k":"null"}`, "abnVsbA==", ""},
		`a${! [this.k].string() }`:                                             {`{"k":[null]}`, "a[[null]]", ""},
		`a${! this.k.format_json(no_indent: true)}`:                            {`{"k":["<"]}`, `a["\u003c"]`, ""},
		`a${! this.k.string().replace_all("null","none").slice(0,2) }`:         {`{}`, "ano", ""}, // it names null
		`a${! if this.k.string() != "null" { this.k.string() } else { "b" } }`: {`{}`, "ab", ""},
		`a${! ("%v".format(this.k) + uuid_v4()).length() }`:                    {`{"k":1}`, "a37", ""},

		`${! this.k.uppercase() }`:                          {`{"k":"null"}`, "NULL", ""},
		`vanilla_${! this.k }`:                              {`{"k":"x"}`, "vanilla_x", ""},
		`${! this.k }`:                                      {`{"k":"null"}`, "null", ""},
		`${! this.k.string() }`:                             {`{"k":"null"}`, "null", ""},
		`m_${! this.k }`:                                    {`{"k":"nullsoft"}`, "m_nullsoft", ""},
		`null_${! this.k }`:                                 {`{"k":"x"}`, "null_x", ""},
		`${! this.k | "null" }`:                             {`{}`, "null", ""},
		`${! this.k.or("nullable") }`:                       {`{}`, "nullable", ""},
		`${! if this.k.string() == "null" { "null_" } }`:    {`{}`, "null_", ""},
		`null_${! {"a": {"b": this.k}}.a.b }`:               {`{"k":7}`, "null_7", ""},
		`null_${! this.k.string() }`:                        {`{"k":1.5}`, "null_1.5", ""},
		`${! this.k.format_json(no_indent: true).string()}`: {`{"k":{"a":null}}`, `{"a":null}`, ""},
		`${{! this.k }} null`:                               {`{}`, "${! this.k } null", ""},
		`$null ${ {! this.k }`:                              {`{}`, "$null ${ {! this.k }", ""},
		`null`:                                              {`{}`, "null", ""},
	} {
		template := mustTemplate(t, fieldMeasurement, text)
		got, err := template.of(service.MessageBatch{raw(test.json)}).text(0)
		switch {
		case test.missing == "" && (err != nil || got != test.want):
			t.Errorf("%s of %s: %q, %v", text, test.json, got, err)
		case test.missing != "" && (err == nil || !strings.HasPrefix(err.Error(), `the measurement is "`) || !strings.Contains(err.Error(), `${! `+test.missing+` } finds no such key`)):
			t.Errorf("%s of %s: %q, %v", text, test.json, got, err)
		}
	}
}

// TestMissingAmongOthers breaks if what is missing in one message is taken for that
// of its neighbour.
func TestMissingAmongOthers(t *testing.T) {
	conf := mapping(t, testConfig(), `${! this.kind }`, `root.f = this.f`, `root = this.f`)
	conf.bucket, conf.bucketOf = "", mustTemplate(t, fieldBucket, `t_${! this.tenant }`)
	batch := service.MessageBatch{
		raw(`{"kind":"null","tenant":"a","f":1}`), raw(`{"tenant":"a","f":2}`), raw(`{"kind":"m","f":3}`),
		raw(`{"kind":"m","tenant":"null","f":4}`), raw(`{"kind":"","tenant":"a","f":5}`),
	}
	cl := newCall()
	var reasons []string
	for _, r := range newEncoder(conf).encode(batch, &cl.lines) {
		reasons = append(reasons, r.class+": "+r.reason)
	}
	if got := string(cl.lines.buf); got != "null f=1i 1\nm f=4i 4\n" || cl.lines.runs[0].bucket != "t_a" || cl.lines.runs[1].bucket != "t_null" {
		t.Errorf("%q in %+v", got, cl.lines.runs)
	}
	for i, want := range []string{`malformed: the measurement is "null": ${! this.kind }`, `bucket: the bucket is "t_null": ${! this.tenant }`, `malformed: the measurement must not be empty`} {
		if len(reasons) != 3 || !strings.HasPrefix(reasons[i], want) {
			t.Fatalf("%q, want %s", reasons, want)
		}
	}
}

// TestExpressionsAreThoseOfBenthos breaks if a text is taken apart otherwise than
// Benthos does: put together again from the values of its expressions, it must be
// what Benthos makes of it.
func TestExpressionsAreThoseOfBenthos(t *testing.T) {
	piece := rapid.SampledFrom([]string{
		`a`, `}`, `{`, `$`, ` `, `${{! x }}`, `${! this.s }`, `${!this.n}`, `${! this.no.or("}") }`, `${! {"}": "x"}.get("}") }`,
		`${! this.s.uppercase().or("${! this.s }") }`, `${! "\"}" }`, `${! [this.s, "}"].index(0) }`, `${! match { this.n > 5 => "}", _ => "{" } }`,
	})
	m := raw(`{"s":"text","n":7}`)
	rapid.Check(t, func(t *rapid.T) {
		text := strings.Join(rapid.SliceOfN(piece, 0, 6).Draw(t, "pieces"), "")
		whole, err := service.NewInterpolatedString(text)
		if err != nil {
			t.Skip(err)
		}
		want, err := whole.TryString(m)
		if err != nil {
			t.Fatal(err)
		}
		got, rest := "", strings.ReplaceAll(strings.ReplaceAll(text, "${{! x }}", "\x00"), "${!", "\x01")
		for _, e := range expressionsOf(text) {
			value, ok := interpolation.Value(service.MessageBatch{m}.BloblangExecutor(e.plain), 0)
			if !ok {
				t.Fatalf("%s gives nothing", e.source)
			}
			before, after, found := strings.Cut(rest, "\x01")
			if !found {
				t.Fatalf("%s: %q is one too many", text, e.source)
			}
			_, after, found = strings.Cut(strings.TrimLeft(after, " "), strings.ReplaceAll(e.source, "${!", "\x01"))
			if !found {
				t.Fatalf("%s: no %q in %q", text, e.source, rest)
			}
			_, rest, _ = strings.Cut(after, "}")
			result, err := bloblang.Parse("root = this.string()")
			if err != nil {
				t.Fatal(err)
			}
			asText, err := result.Query(value)
			if err != nil {
				t.Fatal(err)
			}
			got += before + asText.(string)
		}
		if got += rest; strings.ReplaceAll(got, "\x00", "${! x }") != want {
			t.Fatalf("%s: %q, Benthos makes %q", text, got, want)
		}
	})
}

// TestTagsOfNull breaks if a tag is stored as the text null, which a mapping makes
// of a key that is missing, or if one is refused that has these letters.
func TestTagsOfNull(t *testing.T) {
	for mappingText, test := range map[string]struct{ json, line, reason string }{
		`root.t = this.t`:                                        {`{}`, "m f=1i 7", ""},
		`root.t = this.t.string()`:                               {`{}`, "", `the tag "t" is "null", which the mapping made of null`},
		`root.t = "x_%v".format(this.t)`:                         {`{}`, "", `the tag "t" is "x_<nil>", which the mapping made of null`},
		`root.t = "x_" + this.t.string()`:                        {`{"t":null}`, "", `the tag "t" is "x_null"`},
		`root.t = this.t.string().uppercase()`:                   {`{}`, "", `the tag "t" is "NULL"`},
		`root.t = this.t.string().bytes()`:                       {`{}`, "", `the tag "t" is "null"`},
		`root.t = this.t.string().hash("sha1").encode("hex")`:    {`{}`, "", `the tag "t" depends on text that the mapping made of null`},
		`root.t = this.t.string().slice(0,2)`:                    {`{}`, "", `the tag "t" depends on text`},
		`root.t = this.t.string().slice(0,2) # x`:                {`{"t":"abc"}`, "m,t=ab f=1i 7", ""},
		`root.t = this.t.format_json().string()`:                 {`{}`, "", `the tag "t" is "null"`},
		`root.t = this.t.format_json().encode("hex")`:            {`{}`, "", `the tag "t" depends on text`},
		`root.t = this.t.string() # of a text`:                   {`{"t":"null"}`, "m,t=null f=1i 7", ""},
		`root.t = this.t.string() # of a number`:                 {`{"t":7}`, "m,t=7 f=1i 7", ""},
		`root.t = this.t.or("null")`:                             {`{}`, "m,t=null f=1i 7", ""},
		`root.t = this.t.string().replace_all("null", "a null")`: {`{}`, "", `the tag "t" is "a null"`},
		`root = this.tags`:                                       {`{}`, "m f=1i 7", ""},
		`root = this.tags # null`:                                {`{"tags":null}`, "m f=1i 7", ""},
		`root = this.tags # empty`:                               {`{"tags":{}}`, "m f=1i 7", ""},
		`root = this.tags # some`:                                {`{"tags":{"t":"a","u":null}}`, "m,t=a f=1i 7", ""},
		`root = this.tags # text`:                                {`{"tags":"a"}`, "", "mapping tags: it must give an object, this is a string"},
		`root = if this.exists("t") { {"t":this.t} }`:            {`{"v":1}`, "m f=1i 7", ""},
		`root.t = if this.exists("t") { this.t }`:                {`{"v":1}`, "m f=1i 7", ""},
		`root = this`:      {`{"v":1}`, "m,v=1 f=1i 7", ""},
		`root = deleted()`: {`{"v":1}`, "", "mapping tags: it must not delete the message"},
	} {
		conf := mapping(t, testConfig(), `m`, `root.f = 1`, `root = 7`)
		mappingText += "\n" // a comment needs it
		conf.tags = mustMapping(t, mappingText)
		var err error
		conf.tagsOther = otherOf(mappingText)
		if conf.tagsTraced, err = traceEnvironment().Parse(mappingText); err != nil {
			t.Fatal(err)
		}
		lines, reasons, _ := encodeOne(newEncoder(conf), raw(test.json))
		if got := strings.Join(lines, "\n"); got != test.line {
			t.Errorf("%s of %s: line %q, reasons %q", mappingText, test.json, got, reasons)
		}
		if got := strings.Join(reasons, "\n"); !strings.HasPrefix(got, test.reason) || (got == "") != (test.reason == "") {
			t.Errorf("%s of %s: reason %q", mappingText, test.json, got)
		}
	}
}

// TestNothingAssigned breaks if a mapping that assigns nothing passes the whole
// message on as fields or time.
func TestNothingAssigned(t *testing.T) {
	for name, conf := range map[string]config{
		"mapping fields: it must give an object, this is null": mapping(t, testConfig(), `m`, `root = if false { this }`, `root = 7`),
		"no timestamp": mapping(t, testConfig(), `m`, `root.f = 1`, `root = if this.exists("ns") { this.ns }`),
	} {
		for _, m := range []*service.Message{raw(`{"v":1}`), structured(map[string]any{"v": 1})} {
			if lines, reasons, _ := encodeOne(newEncoder(conf), m); len(lines) > 0 || !strings.HasPrefix(reasons[0], name) {
				t.Errorf("%s: %q, %q", name, lines, reasons)
			}
		}
	}
}
