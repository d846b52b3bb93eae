package mutants_test

import (
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a rule has been given another form, and the laboratory would run a
// mutant that does not build or that breaks nothing. It compiles packages and links
// nothing: a program for each mutant takes minutes.
func TestMutantsApplyAndCompile(t *testing.T) {
	root := testenv.Root(t)
	linked := strings.Fields(golang(t, root, "list", "-deps", "./cmd/brandpulse-connect"))
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			overlay := m.overlay(t, root)
			name, plain := compiled(t, root, path.Dir(m.file), "")
			if !slices.Contains(linked, name) {
				t.Fatalf("the program has no package %s", name)
			}
			if _, broken := compiled(t, root, path.Dir(m.file), overlay); broken == plain {
				t.Fatalf("%s compiles to the same code: it breaks nothing", m.file)
			}
		})
	}
}

// If this fails, TestMutantsApplyAndCompile takes any edit for one that breaks a rule.
func TestMutantOfACommentCompilesToTheSame(t *testing.T) {
	root := testenv.Root(t)
	m := mutant{name: "comment", file: "internal/stamp/stamp.go", edits: []edit{{"// R is the resolution", "// R is a resolution"}}}
	_, plain := compiled(t, root, path.Dir(m.file), "")
	if _, edited := compiled(t, root, path.Dir(m.file), m.overlay(t, root)); edited != plain {
		t.Fatalf("compiled to %s, and without the edit to %s", edited, plain)
	}
}

// compiled returns the import path of a package and a hash of its compiled code. The
// first half of a build ID is a hash of what went into the compiler, the second of
// what came out.
func compiled(t *testing.T, root, dir, overlay string) (name, content string) {
	t.Helper()
	line := golang(t, root, "list", "-export", "-overlay="+overlay, "-f", "{{.ImportPath}} {{.BuildID}}", "./"+dir)
	name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
	_, content, ok := strings.Cut(id, "/")
	if !ok || content == "" {
		t.Fatalf("go list says nothing of what %s is compiled to: %q", dir, line)
	}
	return name, content
}

// golang runs the go command at root and returns what it prints.
func golang(t *testing.T, root string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	var errors strings.Builder
	c.Stderr = &errors
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s", c.Args, err, errors.String())
	}
	return string(out)
}
