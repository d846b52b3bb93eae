package avrospec

import (
	"encoding/hex"
	"strings"
	"testing"

	"github.com/twmb/avro"
)

// The canonical forms and fingerprints of Avro's own share/test/data/schema-tests.txt
// (there the fingerprint is big-endian and signed), so that single objects of other
// writers are recognised.
func TestCanonicalFormsAndFingerprints(t *testing.T) {
	for _, tc := range []struct{ schema, canonical, fingerprint string }{
		{`"null"`, `"null"`, "63dd24e7cc258f8a"},
		{`{"type":"null"}`, `"null"`, "63dd24e7cc258f8a"},
		{`"boolean"`, `"boolean"`, "9f42fc78a4d4f764"},
		{`"int"`, `"int"`, "7275d51a3f395c8f"},
		{`"string"`, `"string"`, "8f014872634503c7"},
		{`[  ]`, `[]`, "eec6e173d23fb9d1"},
		{`{"fields":[], "type":"record", "name":"foo"}`, `{"name":"foo","type":"record","fields":[]}`, ""},
		{`{"fields":[], "type":"record", "name":"foo", "namespace":"x.y"}`, `{"name":"x.y.foo","type":"record","fields":[]}`, ""},
		{`{"type":"record","name":"a.b.foo","namespace":"x.y","doc":"d","aliases":["q"],"fields":[{"type":{"type":"boolean","logicalType":"no"},"name":"f1","default":true,"order":"ascending"}]}`,
			`{"name":"a.b.foo","type":"record","fields":[{"name":"f1","type":"boolean"}]}`, ""},
		{`{"type":"enum","namespace":"x.y.z","name":"foo","doc":"d","symbols":["A1","A2"]}`, `{"name":"x.y.z.foo","type":"enum","symbols":["A1","A2"]}`, ""},
		{`{"type":"fixed","name":"foo","size":15}`, `{"name":"foo","type":"fixed","size":15}`, ""},
		{`{"type":"map","values":{"values":"int","type":"map"}}`, `{"type":"map","values":{"type":"map","values":"int"}}`, ""},
		{`{"type":"array","items":[{"type":"array","items":"null"}]}`, `{"type":"array","items":[{"type":"array","items":"null"}]}`, ""},
		{`{"type":"record","name":"ns.PigValue","fields":[{"name":"value","type":["null","int","PigValue"]}]}`,
			`{"name":"ns.PigValue","type":"record","fields":[{"name":"value","type":["null","int","ns.PigValue"]}]}`, ""},
		{`{"type":"record","name":"o","namespace":"n","fields":[{"name":"a","type":{"type":"fixed","name":"m.F","size":1}},{"name":"b","type":"m.F"},{"name":"c","type":{"type":"enum","name":"E","namespace":"","symbols":["x"]}},{"name":"d","type":"n.o"}]}`,
			`{"name":"n.o","type":"record","fields":[{"name":"a","type":{"name":"m.F","type":"fixed","size":1}},{"name":"b","type":"m.F"},{"name":"c","type":{"name":"E","type":"enum","symbols":["x"]}},{"name":"d","type":"n.o"}]}`, ""},
	} {
		s, err := Parse([]byte(tc.schema))
		if err != nil {
			t.Errorf("%s: %v", tc.schema, err)
			continue
		}
		if got := s.Canonical(); got != tc.canonical {
			t.Errorf("%s: the canonical form is\n%s, not\n%s", tc.schema, got, tc.canonical)
		}
		if peer := avro.MustParse(tc.schema); string(peer.Canonical()) != tc.canonical {
			t.Errorf("%s: the peer's canonical form is %s", tc.schema, peer.Canonical())
		}
		sum := s.Fingerprint()
		for i, j := 0, 7; i < j; i, j = i+1, j-1 {
			sum[i], sum[j] = sum[j], sum[i]
		}
		if got := hex.EncodeToString(sum[:]); tc.fingerprint != "" && got != tc.fingerprint {
			t.Errorf("%s: the fingerprint is %s, not %s", tc.schema, got, tc.fingerprint)
		}
	}
}

// A schema that is not fully understood must not be used to read data.
func TestParseRefuses(t *testing.T) {
	for schema, says := range map[string]string{
		``:                                       "EOF",
		`{`:                                      "EOF",
		`"int" "int"`:                            "more text follows it",
		`7`:                                      "not a type",
		`"Tweet"`:                                "unknown type",
		`{"items":"int"}`:                        "no attribute type",
		`{"type":{"type":"int"}}`:                "no attribute type",
		`{"type":"list"}`:                        "unknown type",
		`{"type":"array"}`:                       "not a type",
		`[["int"]]`:                              "directly inside a union",
		`["int","int"]`:                          "twice",
		`["int",{"type":"int"}]`:                 "twice",
		`{"type":"fixed","name":"F"}`:            "size",
		`{"type":"fixed","name":"F","size":-1}`:  "size",
		`{"type":"fixed","name":"F","size":1.5}`: "size",
		`{"type":"enum","name":"E"}`:             "symbols",
		`{"type":"enum","name":"E","symbols":[1]}`:                                                    "invalid symbol",
		`{"type":"enum","name":"E","symbols":["a","a"]}`:                                              "twice",
		`{"type":"record","name":"R"}`:                                                                "no array of fields",
		`{"type":"record","fields":[]}`:                                                               "invalid name",
		`{"type":"record","name":"a-b","fields":[]}`:                                                  "invalid name",
		`{"type":"record","name":"R","namespace":"1","fields":[]}`:                                    "namespace",
		`{"type":"record","name":"R","fields":[{"type":"int"}]}`:                                      "invalid name",
		`{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"a","type":"int"}]}`: "twice",
		`{"type":"record","name":"R","fields":[{"name":"a"}]}`:                                        "field a of R",
		`[{"type":"fixed","name":"F","size":1},{"type":"record","name":"R","fields":[{"name":"a","type":{"type":"fixed","name":"F","size":1}}]}]`: "defined twice",
		strings.Repeat(`{"type":"array","items":`, 501) + `"int"` + strings.Repeat(`}`, 501):                                                      "deep",
		strings.Repeat(" ", maxSchemaBytes) + `"int"`:                                                                                             "more than",
	} {
		if _, err := Parse([]byte(schema)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%.200s: got %v, want an error that says %q", schema, err, says)
		}
	}
}

func TestTypeDescribesTheFields(t *testing.T) {
	s := mustParse(t, `{"type":"record","name":"n.R","fields":[{"name":"e","type":["null",{"type":"enum","name":"E","symbols":["x"]}]},{"name":"t","type":{"type":"long","logicalType":"timestamp-millis"}}]}`)
	got := s.Type()
	if got.Kind != Record || got.Name != "n.R" || len(got.Fields) != 2 {
		t.Fatalf("%+v", got)
	}
	if u := got.Fields[0].Type; u.Kind != Union || len(u.Union) != 2 || u.Union[1].Name != "n.E" || u.Union[1].Symbols[0] != "x" {
		t.Errorf("%+v", u)
	}
	if l := got.Fields[1].Type; l.Kind != Long || l.Logical != "timestamp-millis" {
		t.Errorf("%+v", l)
	}
	if Kind(200).String() != "kind 200" || Fixed.String() != "fixed" {
		t.Error("names of kinds")
	}
}

// Any text is a schema or an error, and the canonical form of a canonical form is
// itself.
func FuzzParse(f *testing.F) {
	for _, schema := range schemas {
		f.Add(schema)
	}
	f.Fuzz(func(t *testing.T, schema string) {
		s, err := Parse([]byte(schema))
		if err != nil {
			return
		}
		again, err := Parse([]byte(s.Canonical()))
		if err != nil {
			t.Fatalf("the canonical form %s: %v", s.Canonical(), err)
		}
		if again.Canonical() != s.Canonical() {
			t.Fatalf("the canonical form %s has the canonical form %s", s.Canonical(), again.Canonical())
		}
	})
}
