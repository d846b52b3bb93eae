package main

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	// The examples use the stock components of the distribution.
	_ "github.com/redpanda-data/connect/v4/public/components/kafka"
	_ "github.com/redpanda-data/connect/v4/public/components/prometheus"
)

func shipped(t *testing.T) []component {
	t.Helper()
	components, err := documented()
	if err != nil {
		t.Fatal(err)
	}
	return components
}

// A plugin that is in the bundle but not in the list here would have no page and none
// of the tests below. The names below catch a plugin that is in neither.
func TestEveryPluginOfTheBundleIsDocumented(t *testing.T) {
	imported := func(pkg string) []string {
		t.Helper()
		out, err := exec.CommandContext(t.Context(), "go", "list", "-f", `{{ join .Imports "\n" }}`, pkg).Output()
		if err != nil {
			t.Fatalf("listing the imports of %s: %v", pkg, err)
		}
		return slices.DeleteFunc(strings.Fields(string(out)), func(p string) bool {
			return !strings.Contains(p, "/brandpulse-connect/plugins/")
		})
	}
	bundle, here := imported("../../plugins/all"), imported(".")
	if !slices.Equal(bundle, here) {
		t.Errorf("plugins/all imports %q, docsgen %q", bundle, here)
	}

	var got []string
	for _, c := range shipped(t) {
		got = append(got, c.Type+" "+c.Name)
	}
	want := []string{"input kafka_batches", "input subpartition", "input tweet_generator", "processor sentiment_window", "output influxdb", "output kafka_batches"}
	if !slices.Equal(got, want) {
		t.Errorf("the components are %q, want %q", got, want)
	}
}

// The spec is the only manual: everything that it lacks is undocumented.
func TestEverySpecIsACompleteManual(t *testing.T) {
	for _, c := range shipped(t) {
		t.Run(c.Name, func(t *testing.T) {
			if c.Summary == "" {
				t.Error("has no summary")
			}
			if strings.Contains(c.Summary, "\n") {
				t.Error("has a summary of several lines, which breaks the table of the README")
			}
			if c.Description == "" {
				t.Error("has no description")
			}
			if len(c.Examples) == 0 {
				t.Error("has no example")
			}
			for _, e := range c.Examples {
				if e.Title == "" || strings.TrimSpace(e.Config) == "" {
					t.Errorf("example %q lacks a title or its config", e.Title)
				}
			}
			for _, f := range c.Fields {
				// Benthos's text for a field without a description.
				if f.Description == "" || strings.HasPrefix(f.Description, "Sorry!") {
					t.Errorf("field %s has no description", f.Path)
				}
				if f.Type == "" || strings.Contains(f.Type, "unknown") {
					t.Errorf("field %s has no type", f.Path)
				}
				if explained(f.Options) && slices.ContainsFunc(f.Options, func(o [2]string) bool { return o[1] == "" }) {
					t.Errorf("field %s explains only some of its values", f.Path)
				}
			}
		})
	}
}

// If this fails, an example in the manual is not a config that starts.
func TestExamplesLint(t *testing.T) {
	// Paths in the examples, for instance of schemas, are relative to the root.
	t.Chdir("../..")
	linter := service.GlobalEnvironment().FullConfigSchema("", "").NewStreamConfigLinter().
		SetRejectDeprecated(true).
		SetSkipEnvVarCheck(true)
	for _, c := range shipped(t) {
		for _, e := range c.Examples {
			t.Run(c.Name+"/"+e.Title, func(t *testing.T) {
				if !strings.Contains(e.Config, c.Name+":") {
					t.Errorf("does not use %s", c.Name)
				}
				lints, err := linter.LintYAML([]byte(e.Config))
				if err != nil {
					t.Fatal(err)
				}
				for _, l := range lints {
					t.Errorf("line %d: %s", l.Line, l.What)
				}
			})
		}
	}
}

// GitHub shows Markdown, but Benthos's manual and some of its fields are in AsciiDoc.
func TestPagesAreMarkdown(t *testing.T) {
	for _, c := range shipped(t) {
		text, err := renderPage(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, marker := range []string{"xref:", "[source", "\n----\n", "\n== ", "<no value>", "[^"} {
			if strings.Contains(string(text), marker) {
				t.Errorf("the page of %s contains %q", c.Name, marker)
			}
		}
	}
}

func TestPagesAreUpToDate(t *testing.T) {
	const root = "../.."
	want, err := render(root, shipped(t))
	if err != nil {
		t.Fatal(err)
	}
	stale, err := compare(root, want)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range stale {
		t.Errorf("%s is stale: run make docs", name)
	}
}
