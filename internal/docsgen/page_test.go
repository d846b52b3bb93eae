package main

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/redpanda-data/benthos/v4/public/service"
)

var rewrite = flag.Bool("update", false, "rewrite the golden files")

// everyKindOfField returns a spec with each property that a page must show.
func everyKindOfField() *service.ConfigSpec {
	return service.NewConfigSpec().
		Summary("Counts sheep.").
		Description("Counts them **once**.\n\n## Order\n\nLeft to right | right to left.").
		Footnotes("## Notes\n\nNo sheep is harmed.").
		Fields(
			service.NewURLField("url").Description("Where the meadow is. More of it here.").
				Example("http://localhost:1").Example("http://localhost:2"),
			service.NewIntField("rate").Description("Sheep per second: 0 is as fast as they jump.").Default(0),
			service.NewStringAnnotatedEnumField("mode", map[string]string{
				"awake": "Counts on.", "asleep": "Stops | at once.",
			}).Description("What follows.").Default("awake").Advanced().Version("1.2.0"),
			service.NewStringEnumField("colour", "white", "black").Description("Which ones.").Optional(),
			service.NewStringField("token").Description("Opens the gate.").Secret().Default(""),
			service.NewInterpolatedStringField("name").Description("What a sheep is called.").Default("a`b"),
			service.NewBloblangField("mapping").Description("Sheep to number.").Optional().Example("root = this.n"),
			service.NewStringListField("fields").Description("Meadows, in order.").Default([]any{}),
			service.NewObjectListField("flocks",
				service.NewStringField("name").Description("Whose they are."),
				service.NewFloatField("weight").Description("Share of the flock.").Default(1.5).Advanced(),
			).Description("Flocks with weights.").Default([]any{}),
			service.NewObjectField("gate",
				service.NewDurationField("timeout").Description("How long it stays open.").Default("5s"),
			).Description("The gate.").Advanced(),
			service.NewObjectField("dog",
				service.NewStringField("name").Description("What it listens to."),
				service.NewIntField("age").Description("In years."),
			).Description("Helps, if there is one. Up to v1.5 `a. b` it did not.").Optional(),
			service.NewStringMapField("tags").Description("Marks.").Default(map[string]any{}),
			service.NewOutputField("lost").Description("Where the black ones go.").Default(map[string]any{"drop": map[string]any{}}),
			service.NewTLSToggledField("tls"),
			service.NewStringField("old").Description("Gone.").Default("").Deprecated(),
		).
		Example("Two meadows", "Counts in both.", "\ninput:\n  sheep:\n    url: http://localhost:1\n")
}

func sheep(t *testing.T) []component {
	t.Helper()
	env, ours := service.NewEnvironment(), service.NewEmptyEnvironment()
	for _, e := range []*service.Environment{env, ours} {
		err := e.RegisterBatchInput("sheep", everyKindOfField(),
			func(*service.ParsedConfig, *service.Resources) (service.BatchInput, error) { return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
	}
	components, err := componentsOf(env, ours)
	if err != nil {
		t.Fatal(err)
	}
	return components
}

func TestPageShowsEveryPropertyOfEveryField(t *testing.T) {
	components := sheep(t)
	got, err := renderPage(components[0])
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "input_sheep.md")
	if *rewrite {
		if err := os.WriteFile(golden, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("page differs from %s (-want +got), rewrite it with -update:\n%s", golden, diff)
	}
}

// If this fails, a stale page, a page without a component or a README without the table
// is not reported, and users read the manual of another version.
func TestStaleFilesAreReportedAndUpdated(t *testing.T) {
	components := sheep(t)
	root := t.TempDir()
	put := func(name, text string) {
		t.Helper()
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	stale := func() []string {
		t.Helper()
		want, err := render(root, components)
		if err != nil {
			t.Fatal(err)
		}
		names, err := compare(root, want)
		if err != nil {
			t.Fatal(err)
		}
		return names
	}

	put(readme, "# Sheep\n")
	if _, err := render(root, components); err == nil {
		t.Error("a README without the markers is accepted")
	}

	put(readme, "# Sheep\n\n"+tableBegins+"\n"+tableEnds+"\n\nThe end.\n")
	put("docs/components/output_wolf.md", "gone\n")
	put(metricsPage, "of another version\n")
	page := "docs/components/input_sheep.md"
	if diff := cmp.Diff([]string{readme, page, "docs/components/output_wolf.md", metricsPage}, stale()); diff != "" {
		t.Errorf("stale files (-want +got):\n%s", diff)
	}

	want, err := render(root, components)
	if err != nil {
		t.Fatal(err)
	}
	if err := update(root, want, stale()); err != nil {
		t.Fatal(err)
	}
	if left := stale(); len(left) > 0 {
		t.Errorf("still stale after an update: %v", left)
	}
	text, err := os.ReadFile(filepath.Join(root, readme))
	if err != nil {
		t.Fatal(err)
	}
	wantReadme := "# Sheep\n\n" + tableBegins + `
| Component | | |
| --- | --- | --- |
| [` + "`sheep`" + `](docs/components/input_sheep.md) | input | Counts sheep. |
` + tableEnds + "\n\nThe end.\n"
	if diff := cmp.Diff(wantReadme, string(text)); diff != "" {
		t.Errorf("README (-want +got):\n%s", diff)
	}

	put(page, "an older page\n")
	if diff := cmp.Diff([]string{page}, stale()); diff != "" {
		t.Errorf("stale files after a change (-want +got):\n%s", diff)
	}
}
