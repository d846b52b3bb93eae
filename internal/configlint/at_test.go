package configlint_test

import (
	"slices"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/configlint"
)

// If this fails, a command that tests an address tests another one than Benthos uses,
// or suggests a variable that does not change it.
func TestValuesAreThoseThatBenthosReads(t *testing.T) {
	for name, c := range map[string]struct {
		text, variable string // value of ADDRESS
		want           string
		variables      []string
	}{
		"plain":                {text: "http:\n  address: a:1\n", want: "a:1"},
		"default of variable":  {text: "http:\n  address: \"${ADDRESS:a:1}\"\n", want: "a:1", variables: []string{"ADDRESS"}},
		"variable":             {text: "http:\n  address: \"${ADDRESS:a:1}\"\n", variable: "b:2", want: "b:2", variables: []string{"ADDRESS"}},
		"part":                 {text: "http:\n  address: a:${ADDRESS:1}\n", variable: "2", want: "a:2", variables: []string{"ADDRESS"}},
		"another on the line":  {text: "http: { address: \"${ADDRESS:a:1}\", cert_file: \"${CERT:c.pem}\" }\n", want: "a:1", variables: []string{"ADDRESS"}},
		"anchor":               {text: "x: &x\n  address: a:1\nhttp: *x\n", want: "a:1"},
		"not set":              {text: "input: { stdin: {} }\n"},
		"not YAML":             {text: "http: [\n"},
		"of something else":    {text: "input: { http_server: { address: a:1 } }\n"},
		"variable not in YAML": {text: "# ${ADDRESS:a:1}\nhttp:\n  address: a:1\n", want: "a:1"},
	} {
		linter, err := configlint.New(service.GlobalEnvironment().FullConfigSchema("", ""), func(name string) (string, bool) {
			return c.variable, name == "ADDRESS" && c.variable != ""
		})
		if err != nil {
			t.Fatal(err)
		}
		value, set := linter.Values([]byte(c.text), "http.address")["http.address"]
		if set != (c.want != "") || value.Text != c.want || !slices.Equal(value.Variables, c.variables) {
			t.Errorf("%s: %v %q of %q, want %q of %q", name, set, value.Text, value.Variables, c.want, c.variables)
		}
	}
}
