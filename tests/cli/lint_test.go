package cli_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, our lint cannot replace Benthos's: its flags, exit codes, globs,
// folders, Markdown and several files at once.
func TestLintIsThatOfBenthosAndMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.yaml":            "input: { generate: { mapping: root = 1 } }\noutput: { drop: {} }\n",
		"more/typed.yml":       "input:\n  generate:\n    count: ${N}\n    mapping: root = 1\noutput: { drop: {} }\n",
		"more/deep/level.yaml": "logger: { level: LOUD }\n",
		"labels.yaml":          "input: { generate: { mapping: root = 1 } }\noutput: { label: out, drop: {} }\n",
		"syntax.yaml":          "input: { generate: [ }\n",
		"resources.yaml":       "cache_resources: [ { label: a, memory: { default_ttl: 1d } } ]\n",
		"page.md":              "# A page\n\n```yaml\ninput:\n  generate:\n    mapping: root = 1\n    nonsense: 5\noutput: { drop: {} }\n```\n",
		"disabled.yaml":        "# BENTHOS LINT DISABLE\nlogger: { level: LOUD }\n",
		"strict.yaml":          "error_handling: { strict: true }\npipeline: { processors: [ { catch: [] } ] }\n",
		"env":                  "N=abc\n",
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, c := range map[string]struct {
		args []string
		env  string // value of N
		code int
		says []string
		not  string
	}{
		"a right file":               {args: []string{in("good.yaml")}, not: "good"},
		"a right file, verbose":      {args: []string{"--verbose", in("good.yaml")}, says: []string{"good.yaml: OK"}},
		"no file":                    {args: nil, code: 1, says: []string{"no file to lint. Name files or folders"}},
		"a file that does not exist": {args: []string{in("nowhere.yaml")}, code: 1, says: []string{"reading ", "nowhere.yaml: no such file or directory. Check its path"}},
		"several files": {args: []string{in("good.yaml"), in("more/typed.yml"), in("more/deep/level.yaml")}, env: "x", code: 1, says: []string{
			`typed.yml(3,1) count is "x": it must be a whole number (from the environment variable N)`, `level.yaml(1,1) level is "LOUD": it must be OFF, `}},
		"a folder":             {args: []string{"--verbose", in("more/...")}, env: "5", code: 1, says: []string{"typed.yml: OK", "level.yaml: FAILED", "level.yaml(1,1) "}},
		"a glob":               {args: []string{in("more/*.yml")}, env: "1.5", code: 1, says: []string{"count is 1.5: it must be a whole number"}},
		"variable not set":     {args: []string{in("more/typed.yml")}, code: 1, says: []string{"typed.yml(3,1) the environment variable N is not set and has no default"}},
		"not set, not checked": {args: []string{"--skip-env-var-check", in("more/typed.yml")}, not: "environment variable"},
		"a file of variables":  {args: []string{"-e", in("env"), in("more/typed.yml")}, code: 1, says: []string{`count is "abc"`, "from the environment variable N"}},
		"labels":               {args: []string{"--labels", in("labels.yaml")}, code: 1, says: []string{"label is required for generate"}},
		"no YAML":              {args: []string{in("syntax.yaml")}, code: 1, says: []string{"syntax.yaml(1,1) yaml: "}},
		"resources":            {args: []string{"-r", in("resources.yaml"), in("good.yaml")}, code: 1, says: []string{`default_ttl is "1d": it must be a duration`}},
		"Markdown":             {args: []string{in("page.md")}, code: 1, says: []string{"page.md(7,1) field nonsense not recognised"}},
		"disabled":             {args: []string{in("disabled.yaml")}},
		"strict":               {args: []string{in("strict.yaml")}, code: 1, says: []string{"a `catch` processor does not recover"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			env := map[string]string{}
			if c.env != "" {
				env["N"] = c.env
			}
			p := testenv.Start(t, testenv.Command{Args: append([]string{"lint"}, c.args...), Env: env})
			code, said := p.Wait(t, time.Minute), p.Log(t)
			if code != c.code {
				t.Errorf("exit code %d, want %d:\n%s", code, c.code, said)
			}
			if c.code == 0 && c.says == nil && said != "" {
				t.Errorf("nothing is wrong, but it prints:\n%s", said)
			}
			for _, want := range c.says {
				if !strings.Contains(said, want) {
					t.Errorf("does not contain %q:\n%s", want, said)
				}
			}
			if c.not != "" && strings.Contains(said, c.not) {
				t.Errorf("contains %q:\n%s", c.not, said)
			}
		})
	}
}

// If this fails, our template lint cannot replace Benthos's: for a valid template, an
// invalid one, and a folder with both.
func TestTemplateLintIsThatOfBenthosAndMore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"good.yaml": "name: shout\ntype: processor\nfields: [ { name: to, type: string } ]\nmapping: 'root.mapping = \"root = \" + this.to'\n",
		"bad.yaml":  "name: shout\ntyp: processor\nmapping: 'root.mapping ='\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	good, bad := filepath.Join(dir, "good.yaml"), filepath.Join(dir, "bad.yaml")
	if said := output(t, 0, "template", "lint", good); said != "" {
		t.Errorf("nothing is wrong, but it prints:\n%s", said)
	}
	for _, args := range [][]string{{bad}, {"--verbose", good, bad}, {"--verbose", dir + "/..."}} {
		said := output(t, 1, append([]string{"template", "lint"}, args...)...)
		for _, want := range []string{"bad.yaml(2,1) field typ not recognised", "bad.yaml(1,1) field type is required"} {
			if !strings.Contains(said, want) {
				t.Errorf("%q does not contain %q:\n%s", args, want, said)
			}
		}
		if verbose := args[0] == "--verbose"; strings.Contains(said, "good.yaml: OK") != verbose || strings.Contains(said, "bad.yaml: FAILED") != verbose {
			t.Errorf("%q:\n%s", args, said)
		}
	}
}
