package configlint

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
)

// testSchema has a processor `thing` with fields of all types.
var testSchema = sync.OnceValue(func() *service.ConfigSchema {
	env := service.GlobalEnvironment().Clone()
	spec := service.NewConfigSpec().Fields(
		service.NewStringField("text").Default("").LintRule(`root = if this == "wrong" { [ "text must not be wrong" ] }`),
		service.NewIntField("count").Default(1),
		service.NewFloatField("rate").Default(1),
		service.NewBoolField("flag").Default(false),
		service.NewStringListField("names").Default([]any{}),
		service.NewStringField("secret").Default("").Secret(),
		service.NewURLField("address").Default(""),
		service.NewStringMapField("headers").Default(map[string]any{}).Secret(),
		service.NewStringField("wait").Default("5s"),
		service.NewStringField("size").Default("1MiB"),
		service.NewObjectListField("things", service.NewStringField("name"), service.NewIntField("weight").Default(1)).Default([]any{}),
		service.NewObjectField("pair", service.NewIntField("low").Default(1), service.NewIntField("high").Default(2)).
			LintRule(`root = if this.low.or(1) > this.high.or(2) { [ "low is larger than high" ] }`),
	)
	err := env.RegisterProcessor("thing", spec, func(*service.ParsedConfig, *service.Resources) (service.Processor, error) { return nil, nil })
	if err != nil {
		panic(err)
	}
	return env.FullConfigSchema("", "")
})

var testSpec = sync.OnceValues(func() (*spec, error) { return specOf(testSchema()) })

func testLinter(t testing.TB, variables map[string]string) *Linter {
	t.Helper()
	spec, err := testSpec()
	if err != nil {
		t.Fatal(err)
	}
	return &Linter{spec: spec, schema: testSchema(), lookup: func(name string) (string, bool) {
		value, ok := variables[name]
		return value, ok
	}}
}

func configOf(fields string) string {
	return "pipeline:\n  processors:\n    - thing:\n        " + strings.ReplaceAll(fields, "\n", "\n        ") + "\n"
}

// contexts are the places where a variable can be used.
var contexts = map[string]string{
	"double quotes":        `text: "${V}"`,
	"single quotes":        `text: '${V}'`,
	"no quotes":            `text: ${V}`,
	"within double quotes": `text: "a${V}b"`,
	"within single quotes": `text: 'a${V}b'`,
	"within no quotes":     `text: a${V}b`,
	"with a default":       `text: "${V:standard}"`,
	"twice":                `text: "${V}${V}"`,
	"list":                 `names: [ "x", "${V}", 'y' ]`,
	"list without quotes":  `names: [ x, ${V}, y ]`,
	"object":               `pair: { low: 1, high: 2, "x": "${V}" }`,
	"block":                "text: |\n  a\n  ${V}\n  b",
	"folded":               "text: >-\n  a ${V}\n  b",
	"comment":              "text: x # ${V}",
	"before another":       "text: \"${V}\"\nsecret: 'own'\ncount: 5",
	"key":                  "headers:\n  \"${V}\": x",
}

// If this fails, a value that is changed or sets another field is accepted. The
// reference is Benthos: it must read the same configuration as with a plain word,
// except for the value.
func FuzzValuesArriveUnchangedOrAreRejected(f *testing.F) {
	for _, value := range []string{"plain", "abc'#def", `a\tb`, `say "x"`, "it's", "''", "a # b", "a: b", "[a, b]", "{a: b}", "trailing ", " leading",
		"line\nbreak", "line\r\nbreak", "\u0085", "\u2028", "&a", "*a", "!!int 5", "!x", "0123", "~", "null", "|", ">", "- a", "? a", "%x", "@x", "`x", "${V}", "${{V}}",
		"$", "', text: 'x", "\", secret: \"x", "x\"\n    flag: true", "\t", "\x00", "\xff", "é", "#", "'", "\\", "trailing\n", "---", "a]", "50000", "1s", "a,b", "127.0.0.1:9092"} {
		f.Add(value)
	}
	schema := testSchema()
	f.Fuzz(func(t *testing.T, value string) {
		if value == "" || strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			t.Skip("a value that a variable or YAML cannot have")
		}
		for name, context := range contexts {
			text := []byte(configOf(context))
			if findings := testLinter(t, map[string]string{"V": value}).Safe(text); len(findings) > 0 {
				continue
			}
			got, err := benthosReads(schema, text, value)
			if err != nil {
				t.Fatalf("%s: %q is accepted, but Benthos cannot read it: %v", name, value, err)
			}
			const word = "WORD"
			want, err := benthosReads(schema, text, word)
			if err != nil {
				t.Fatal(err)
			}
			if whole := strings.HasPrefix(context, "text: ${V}") || name == "list without quotes"; whole && flow(value) {
				continue // a whole list or object in YAML, without quotes
			}
			if want = filled(want, word, value); !reflect.DeepEqual(got, want) {
				t.Fatalf("%s: %q arrives as %v, want %v", name, value, got, want)
			}
		}
	})
}

func flow(value string) bool {
	return strings.HasPrefix(value, "[") || strings.HasPrefix(value, "{")
}

// benthosReads returns the configuration of the processor as Benthos reads it.
func benthosReads(schema *service.ConfigSchema, text []byte, value string) (any, error) {
	querier := schema.NewConfigQuerier()
	querier.SetEnvVarLookupFunc(func(context.Context, string) (string, bool) { return value, true })
	file, err := querier.ParseYAML(string(text))
	if err != nil {
		return nil, err
	}
	processors, err := file.FieldAtPath("pipeline", "processors")
	if err != nil {
		return nil, err
	}
	list, err := processors.FieldAny()
	if err != nil {
		return nil, err
	}
	first, is := list.([]any)[0].(*yaml.Node)
	if !is {
		return nil, fmt.Errorf("the processors are %T", list)
	}
	return textsOf(first), nil
}

// textsOf returns a value with all scalars as text.
func textsOf(node *yaml.Node) any {
	switch node.Kind {
	case yaml.MappingNode:
		out := map[string]any{}
		for i := 0; i+1 < len(node.Content); i += 2 {
			out[node.Content[i].Value] = textsOf(node.Content[i+1])
		}
		return out
	case yaml.SequenceNode:
		out := []any{}
		for _, element := range node.Content {
			out = append(out, textsOf(element))
		}
		return out
	}
	return node.Value
}

// filled returns a value with a word replaced.
func filled(v any, word, by string) any {
	switch v := v.(type) {
	case string:
		return strings.ReplaceAll(v, word, by)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = filled(v[i], word, by)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			out[strings.ReplaceAll(key, word, by)] = filled(inner, word, by)
		}
		return out
	}
	return v
}

// If this fails, a value that would arrive unchanged is rejected, or one that would not
// is accepted.
func TestWhereAValueArrives(t *testing.T) {
	for value, refused := range map[string][]string{
		"plain":          nil,
		"127.0.0.1:9092": nil,
		"null":           {"no quotes", "list without quotes"},
		"Null":           {"no quotes", "list without quotes"},
		"NULL":           {"no quotes", "list without quotes"},
		"~":              {"no quotes", "list without quotes"},
		"nullable":       nil,
		"~user":          nil,
		"a:1,b:2":        {"list without quotes"},
		"50000":          nil,
		"abc'#def":       {"single quotes", "within single quotes"},
		`C:\temp`:        {"double quotes", "within double quotes", "with a default", "twice", "list", "object", "before another", "key"},
		`say "x"`:        {"double quotes", "within double quotes", "with a default", "twice", "list", "object", "before another", "key"},
		"a # b":          {"no quotes", "within no quotes", "list without quotes"},
		"trailing\n":     {"single quotes", "no quotes", "within single quotes", "within no quotes", "list without quotes", "block", "folded"},
		"[a, b]":         nil, // a list without quotes, text elsewhere
		"a\u2028b":       {"folded", "block", "no quotes", "within no quotes", "comment", "key"},
	} {
		for name, context := range contexts {
			findings := testLinter(t, map[string]string{"V": value}).Safe([]byte(configOf(context)))
			want := false
			for _, place := range refused {
				want = want || place == name
			}
			if (len(findings) > 0) != want {
				t.Errorf("%q in %s: %v, want rejected: %v", value, name, findings, want)
			}
		}
	}
}

// If this fails, a token that YAML reads as null is silently dropped, or a variable
// that is not set, or is null by its default, is rejected.
func TestNullFromAVariable(t *testing.T) {
	findings := testLinter(t, map[string]string{"V": "null"}).Safe([]byte(configOf("secret: ${V}")))
	if len(findings) != 1 || !strings.Contains(findings[0].What, "secret: the value of the environment variable V would change, since YAML reads it as null. Put it into double quotes") {
		t.Errorf("%v", findings)
	}
	if findings := testLinter(t, map[string]string{"V": "ll"}).Safe([]byte(configOf("secret: nu${V}"))); len(findings) != 1 {
		t.Errorf("a part: %v", findings)
	}
	for _, fields := range []string{"secret: ${W}", "secret: ${W:}", "secret: ${W:null}", "secret: null", "secret: ~", `secret: "${V}"`} {
		if findings := testLinter(t, map[string]string{"V": "null", "W": ""}).Safe([]byte(configOf(fields))); len(findings) > 0 {
			t.Errorf("%s: %v", fields, findings)
		}
	}
}

// If this fails, the message about a secret that would change shows it, or lacks the
// variable, the field, the line or the remedy.
func TestMessageOfAChangedValue(t *testing.T) {
	findings := testLinter(t, map[string]string{"V": "canary'#"}).Safe([]byte(configOf("count: 5\nsecret: '${V}'")))
	if len(findings) != 1 || findings[0].Line != 5 {
		t.Fatalf("%v", findings)
	}
	what := findings[0].What
	for _, want := range []string{"secret", "variable V ", "Put it into double quotes", "secret_env"} {
		if !strings.Contains(what, want) {
			t.Errorf("%q does not say %q", what, want)
		}
	}
	if strings.Contains(what, "canary") {
		t.Errorf("%q shows the secret", what)
	}
	for _, value := range []string{"canary'\"\\", "${{canary}}"} { // the second is Benthos's own escape
		if findings = testLinter(t, map[string]string{"V": value}).Safe([]byte(configOf("text: '${V}'"))); len(findings) != 1 || !strings.Contains(findings[0].What, "No quotes would preserve it") {
			t.Errorf("%q: %v", value, findings)
		}
	}
}
