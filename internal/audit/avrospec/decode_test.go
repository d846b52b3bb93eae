package avrospec

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/twmb/avro"
	"pgregory.net/rapid"
)

func mustParse(t interface{ Fatal(...any) }, schema string) *Schema {
	s, err := Parse([]byte(schema))
	if err != nil {
		t.Fatal(schema, err)
	}
	return s
}

// The examples in the specification.
func TestExamplesOfTheSpecification(t *testing.T) {
	for _, tc := range []struct {
		schema, bytes string
		want          any
	}{
		{`"int"`, "\x00", int64(0)},
		{`"int"`, "\x01", int64(-1)},
		{`"int"`, "\x02", int64(1)},
		{`"int"`, "\x03", int64(-2)},
		{`"int"`, "\x7f", int64(-64)},
		{`"long"`, "\x80\x01", int64(64)},
		{`"string"`, "\x06foo", "foo"},
		{`{"type":"record","name":"test","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}`,
			"\x36\x06foo", map[string]any{"a": int64(27), "b": "foo"}},
		{`{"type":"enum","name":"Foo","symbols":["A","B","C","D"]}`, "\x06", "D"},
		{`{"type":"array","items":"long"}`, "\x04\x06\x36\x00", []any{int64(3), int64(27)}},
		{`["null","string"]`, "\x00", nil},
		{`["null","string"]`, "\x02\x02a", "a"},

		{`"null"`, "", nil},
		{`"boolean"`, "\x01", true},
		{`"float"`, "\x00\x00\x80\x3f", float32(1)},
		{`"double"`, "\x00\x00\x00\x00\x00\x00\xf0\xbf", float64(-1)},
		{`"bytes"`, "\x02\xff", []byte{0xff}},
		{`{"type":"fixed","name":"F","size":2}`, "ab", []byte("ab")},
		{`{"type":"map","values":"int"}`, "\x02\x02a\x02\x02\x02b\x04\x00", map[string]any{"a": int64(1), "b": int64(2)}},
		{`{"type":"array","items":"long"}`, "\x03\x04\x06\x36\x00", []any{int64(3), int64(27)}}, // a block with its size
		{`"long"`, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01", int64(math.MaxInt64)},
		{`"long"`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", int64(math.MinInt64)},
		{`"int"`, "\xff\xff\xff\xff\x0f", int64(math.MinInt32)},
		{`"long"`, "\x82\x80\x00", int64(1)}, // longer than necessary, which is allowed
	} {
		got, err := mustParse(t, tc.schema).Decode([]byte(tc.bytes))
		if err != nil || !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%s of %q: got %#v, %v, want %#v", tc.schema, tc.bytes, got, err, tc.want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	list := `{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`
	for _, tc := range []struct {
		schema, bytes string
		want          error
	}{
		{`"int"`, "", ErrTruncated},
		{`"int"`, "\x80", ErrTruncated},
		{`"int"`, "\x80\x80\x80\x80\x10", ErrVarint},
		{`"int"`, "\x80\x80\x80\x80\x80\x00", ErrVarint},
		{`"long"`, strings.Repeat("\x80", 9) + "\x02", ErrVarint},
		{`"long"`, strings.Repeat("\x80", 10) + "\x00", ErrVarint},
		{`"null"`, "a", ErrTrailing},
		{`"boolean"`, "\x02", ErrBoolean},
		{`"float"`, "abc", ErrTruncated},
		{`"double"`, "abcdefg", ErrTruncated},
		{`"string"`, "\x01", ErrLength},
		{`"string"`, "\x06fo", ErrTruncated},
		{`"string"`, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01a", ErrTruncated},
		{`"string"`, "\x02\xff", ErrUTF8},
		{`{"type":"fixed","name":"F","size":2}`, "a", ErrTruncated},
		{`{"type":"enum","name":"E","symbols":["a"]}`, "\x02", ErrEnum},
		{`{"type":"enum","name":"E","symbols":["a"]}`, "\x01", ErrEnum},
		{`["null"]`, "\x02", ErrUnion},
		{`["null"]`, "\x01", ErrUnion},
		{`{"type":"array","items":"int"}`, "\x02", ErrTruncated},
		{`{"type":"array","items":"int"}`, "\x01\x04\x02\x00", ErrBlock},
		{`{"type":"array","items":"int"}`, "\x01\x01\x02\x00", ErrBlock},
		{`{"type":"array","items":"int"}`, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", ErrBlock},
		{`{"type":"array","items":"null"}`, "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00", ErrItems},
		{`{"type":"map","values":"int"}`, "\x04\x02a\x02\x02a\x02\x00", ErrKey},
		{`{"type":"map","values":"int"}`, "\x02\x02\xff\x02\x00", ErrUTF8},
		{list, strings.Repeat("\x02", 1000) + "\x00", ErrDepth},
	} {
		got, err := mustParse(t, tc.schema).Decode([]byte(tc.bytes))
		if !errors.Is(err, tc.want) {
			t.Errorf("%s of %q: got %v, %v, want %v", tc.schema, tc.bytes, got, err, tc.want)
		}
	}
}

// kinds of schemas with a generator of their values in the peer's types. named counts
// the named types, whose names must differ within a schema.
func schemaOf(t *rapid.T, depth int, named *int) (schema string, value func() any) {
	*named++
	name := fmt.Sprintf("N%d", *named)
	kinds := []string{"null", "boolean", "int", "long", "float", "double", "bytes", "string", "enum", "fixed"}
	if depth < 3 {
		kinds = append(kinds, "array", "map", "record", "optional")
	}
	draw := func(label string, g *rapid.Generator[any]) func() any { return func() any { return g.Draw(t, label) } }
	switch kind := rapid.SampledFrom(kinds).Draw(t, "kind"); kind {
	case "null":
		return `"null"`, func() any { return nil }
	case "boolean":
		return `"boolean"`, draw("b", rapid.Bool().AsAny())
	case "int":
		return `"int"`, func() any { return int64(rapid.Int32().Draw(t, "i")) }
	case "long":
		return `"long"`, draw("l", rapid.Int64().AsAny())
	case "float":
		return `"float"`, draw("f", rapid.Float32().AsAny())
	case "double":
		return `"double"`, draw("d", rapid.Float64().AsAny())
	case "bytes":
		return `"bytes"`, draw("bytes", rapid.SliceOfN(rapid.Byte(), 0, 20).AsAny())
	case "string":
		return `"string"`, draw("s", rapid.StringN(0, 20, -1).AsAny())
	case "enum":
		return `{"type":"enum","name":"` + name + `","symbols":["x","y","z"]}`, draw("e", rapid.SampledFrom([]string{"x", "y", "z"}).AsAny())
	case "fixed":
		return `{"type":"fixed","name":"` + name + `","size":3}`, draw("fixed", rapid.SliceOfN(rapid.Byte(), 3, 3).AsAny())
	case "array":
		of, item := schemaOf(t, depth+1, named)
		return `{"type":"array","items":` + of + `}`, func() any {
			items := []any{}
			for range rapid.IntRange(0, 4).Draw(t, "items") {
				items = append(items, item())
			}
			return items
		}
	case "map":
		of, item := schemaOf(t, depth+1, named)
		return `{"type":"map","values":` + of + `}`, func() any {
			values := map[string]any{}
			for _, key := range rapid.SliceOfN(rapid.StringN(0, 5, -1), 0, 4).Draw(t, "keys") {
				values[key] = item()
			}
			return values
		}
	case "optional":
		return `["null","string"]`, func() any {
			if rapid.Bool().Draw(t, "is null") {
				return nil
			}
			return rapid.StringN(0, 5, -1).Draw(t, "s")
		}
	default:
		var fields []string
		var values []func() any // in order: the values drawn must not depend on the order of a map
		for i := range rapid.IntRange(0, 4).Draw(t, "fields") {
			of, value := schemaOf(t, depth+1, named)
			fields = append(fields, fmt.Sprintf(`{"name":"f%d","type":%s}`, i, of))
			values = append(values, value)
		}
		return `{"type":"record","name":"` + name + `","fields":[` + strings.Join(fields, ",") + `]}`, func() any {
			v := map[string]any{}
			for i, value := range values {
				v[fmt.Sprintf("f%d", i)] = value()
			}
			return v
		}
	}
}

// Values that another implementation writes with any schema are read unchanged, and
// neither a part of such a value nor a longer text is accepted.
func TestReadsWhatThePeerWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		schema, value := schemaOf(t, 0, new(int))
		want := value()
		peer := avro.MustParse(schema)
		b, err := peer.Encode(want)
		if err != nil {
			t.Fatal(schema, err)
		}
		s := mustParse(t, schema)
		got, err := s.Decode(b)
		if err != nil || !same(got, want) {
			t.Fatalf("%s of %x: got %#v, %v, want %#v", schema, b, got, err, want)
		}
		if string(peer.Canonical()) != s.Canonical() {
			t.Fatalf("%s: the canonical form is %s, the peer's %s", schema, s.Canonical(), peer.Canonical())
		}
		if _, err := s.Decode(append(b, 0)); err == nil {
			t.Fatalf("%s of %x 00 is accepted", schema, b)
		}
		for n := range b {
			if v, err := s.Decode(b[:n]); err == nil {
				t.Fatalf("%s of the first %d bytes of %x is read as %v", schema, n, b, v)
			}
		}
	})
}

// same reports whether two values are equal; NaN equals itself.
func same(a, b any) bool { return fmt.Sprintf("%#v", a) == fmt.Sprintf("%#v", b) }

// schemas for fuzzing: each kind of type.
var schemas = []string{
	`{"type":"record","name":"com.brandpulse.Tweet","fields":[{"name":"id","type":"string"},{"name":"text","type":"string"},{"name":"brand","type":"string"},{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":["positive","negative","neutral"]}},{"name":"timestamp","type":"long"}]}`,
	`{"type":"record","name":"All","fields":[{"name":"n","type":"null"},{"name":"b","type":"boolean"},{"name":"i","type":"int"},{"name":"f","type":"float"},{"name":"d","type":"double"},{"name":"y","type":"bytes"},{"name":"x","type":{"type":"fixed","name":"F","size":2}},{"name":"a","type":{"type":"array","items":"string"}},{"name":"m","type":{"type":"map","values":["null","boolean"]}},{"name":"u","type":["null","All"]},{"name":"z","type":{"type":"array","items":"null"}}]}`,
	`{"type":"array","items":{"type":"array","items":"null"}}`,
}

// Any bytes result in a value or an error, quickly and in bounded memory. Read accepts
// everything that Decode accepts, with the same result.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(0), []byte("\x02a\x02t\x02B\x00\x02"))
	f.Add(uint8(1), []byte("\x01\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02yab\x02\x02s\x00\x02\x02k\x02\x01\x00\x00\x04\x00"))
	f.Add(uint8(2), []byte("\x04\x02\x00\x04\x00\x00"))
	parsed := make([]*Schema, len(schemas))
	for i, schema := range schemas {
		parsed[i] = mustParse(f, schema)
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		s := parsed[int(which)%len(parsed)]
		v, err := s.Decode(b)
		record, ok := v.(map[string]any)
		if err != nil || !ok {
			return
		}
		var names []string
		for _, field := range s.Type().Fields {
			names = append(names, field.Name)
		}
		sel, err := s.Select(anything, names...)
		if err != nil {
			t.Fatal(err)
		}
		values := make([]Value, len(names))
		if err := sel.Read(b, values); errors.Is(err, ErrSteps) {
			return // Decode counts only items of zero bytes
		} else if err != nil {
			t.Fatalf("%x: decoded to %v, and read: %v", b, v, err)
		}
		for i, name := range names {
			if got, want := plain(values[i]), record[name]; got != nil && !same(got, want) {
				t.Fatalf("%x: %s is %#v and %#v", b, name, got, want)
			}
		}
	})
}

// plain returns a value as Decode does, nil for values that Read leaves encoded.
func plain(v Value) any {
	switch v.Kind {
	case Boolean:
		return v.Int == 1
	case Int, Long:
		return v.Int
	case String:
		return string(v.Bytes)
	case Enum:
		return v.Symbol
	case Bytes, Fixed:
		return v.Bytes
	}
	return nil
}
