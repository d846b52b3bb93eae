package secret_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/secret"
)

const variable = "BRANDPULSE_TEST_SECRET"

// read returns the secret that a plugin gets from a configuration.
func read(t testing.TB, yaml string) (string, error) {
	t.Helper()
	spec := service.NewConfigSpec().Fields(secret.Fields("token", "A token.")...)
	parsed, err := spec.ParseYAML(yaml, nil)
	if err != nil {
		return "", err
	}
	return secret.From(parsed, "token")
}

// If this fails, a token from a variable or a file is changed, or of two places that
// name different tokens one silently wins.
func TestFrom(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	odd := "abc'#def\\t\"0123\" ${HOME} ''x'' # y: [{&*!|>%@`"
	for name, test := range map[string]struct {
		env, yaml   string
		want, fails string
	}{
		"none":                 {yaml: "{}"},
		"value":                {yaml: "token: abc", want: "abc"},
		"variable":             {env: odd, yaml: "token_env: " + variable, want: odd},
		"variable of digits":   {env: "0123", yaml: "token_env: " + variable, want: "0123"},
		"variable not set":     {yaml: "token_env: " + variable},
		"variable, line break": {env: "abc\n", yaml: "token_env: " + variable, fails: "ends in a line break"},
		"variable with braces": {yaml: "token_env: ${canary-TOKEN}", fails: "without $ and braces"},
		"file":                 {yaml: "token_file: " + file("a", odd), want: odd},
		"file, line break":     {yaml: "token_file: " + file("b", odd+"\n"), want: odd},
		"file, CRLF":           {yaml: "token_file: " + file("c", "abc\r\n"), want: "abc"},
		"file, two breaks":     {yaml: "token_file: " + file("d", "abc\n\n"), want: "abc\n"},
		"empty file":           {yaml: "token_file: " + file("e", "\n"), fails: "is empty"},
		"no file":              {yaml: "token_file: " + filepath.Join(dir, "nowhere"), fails: "nowhere"},
		"large file":           {yaml: "token_file: " + file("f", strings.Repeat("canary", 20_000)), fails: "more than 65536 bytes"},
		"folder":               {yaml: "token_file: " + dir, fails: "is a directory: it must be a regular file"},
		"device":               {yaml: "token_file: /dev/zero", fails: "is a device: it must be a regular file"},
		"variable, two lines":  {env: "can\nary", yaml: "token_env: " + variable, fails: "the variable contains a line break"},
		"value and variable":   {yaml: "{token: canary, token_env: " + variable + "}", fails: "only one of"},
		"value and file":       {yaml: "{token: canary, token_file: " + file("g", "x") + "}", fails: "only one of"},
		"variable and file":    {env: "canary", yaml: "{token_env: " + variable + ", token_file: " + file("h", "x") + "}", fails: "only one of"},
		"file alone of two":    {yaml: "{token_env: " + variable + ", token_file: " + file("i", "x") + "}", want: "x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(variable, test.env)
			got, err := read(t, test.yaml)
			if got != test.want || (err == nil) != (test.fails == "") {
				t.Fatalf("%q, %v", got, err)
			}
			if err != nil && (!strings.Contains(err.Error(), test.fails) || strings.Contains(err.Error(), "canary")) {
				t.Errorf("%v, want %q without the secret", err, test.fails)
			}
		})
	}
}

// If this fails, some characters of a secret are changed.
func TestEverySecretArrivesUnchanged(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	rapid.Check(t, func(r *rapid.T) {
		value := rapid.StringN(1, 40, -1).Filter(func(s string) bool { return !strings.ContainsAny(s, "\x00\r\n") }).Draw(r, "secret")
		t.Setenv(variable, value)
		if got, err := read(t, "token_env: "+variable); err != nil || got != value {
			r.Fatalf("from the variable: %q, %v", got, err)
		}
		if err := os.WriteFile(file, []byte(value+"\n"), 0o600); err != nil {
			r.Fatal(err)
		}
		if got, err := read(t, "token_file: "+file); err != nil || got != value {
			r.Fatalf("from the file: %q, %v", got, err)
		}
	})
}

// If this fails, lint accepts settings that the constructor rejects, or shows a secret
// that was written instead of the name of its variable.
func TestLint(t *testing.T) {
	env := service.NewEnvironment()
	spec := service.NewConfigSpec().Fields(secret.Fields("token", "A token.")...).
		LintRule(`root = match { ` + secret.Twice("token") + ` => [ "` + secret.WrongTwice("token") + `" ], ` + secret.IsSet("token") + ` => [ "set" ] }`)
	err := env.RegisterProcessor("p", spec, func(*service.ParsedConfig, *service.Resources) (service.Processor, error) { return nil, nil })
	if err != nil {
		t.Fatal(err)
	}
	for yaml, want := range map[string]string{
		"{}":                                 "",
		"{token: canary}":                    "set",
		"{token_env: A}":                     "",
		"{token_file: a}":                    "set",
		"{token_env: A, token_file: a}":      "set",
		"{token: canary, token_env: A}":      "only one of",
		"{token: canary, token_file: A}":     "only one of",
		"{token_env: 'canary-f0/e1=='}":      "must be the name of an environment variable",
		"{token_env: '$canary', token: abc}": "must be the name of an environment variable",
	} {
		lints, err := env.NewComponentConfigLinter().LintProcessorYAML([]byte("p: " + yaml))
		if err != nil {
			t.Fatal(err)
		}
		var all []string
		for _, l := range lints {
			all = append(all, l.What)
		}
		said := strings.Join(all, "; ")
		if (said == "") != (want == "") || !strings.Contains(said, want) || strings.Contains(said, "canary") {
			t.Errorf("%s: %q, want %q", yaml, said, want)
		}
	}
}
