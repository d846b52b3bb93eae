package mutants_test

import (
	"fmt"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the code of a rule has changed, and the laboratory would run a mutant
// that does not build or breaks nothing. It compiles packages and links nothing: a
// program for each mutant would take minutes.
func TestMutantsApplyAndCompile(t *testing.T) {
	root := testenv.Root(t)
	list, err := golang(t, root, "list", "-deps", "./cmd/brandpulse-connect")
	if err != nil {
		t.Fatal(err)
	}
	linked := strings.Fields(list)
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			overlay := m.overlay(t, root)
			name, plain, err := compiled(t, root, path.Dir(m.file), "")
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(linked, name) {
				t.Fatalf("the program has no package %s", name)
			}
			_, broken, err := compiled(t, root, path.Dir(m.file), overlay)
			if err != nil {
				t.Fatalf("mutant %s does not compile: update its edits in tests/faultlab/mutants: %v", m.name, err)
			}
			if broken == plain {
				t.Fatalf("mutant %s: %s compiles to the same code, so that it breaks nothing", m.name, m.file)
			}
		})
	}
}

// If this fails, TestMutantsApplyAndCompile accepts any edit as one that breaks a rule.
func TestMutantOfACommentCompilesToTheSame(t *testing.T) {
	root := testenv.Root(t)
	m := mutant{name: "comment", file: "internal/stamp/stamp.go", edits: []edit{{"// R is the resolution", "// R is a resolution"}}}
	var content [2]string
	for i, overlay := range []string{"", m.overlay(t, root)} {
		var err error
		if _, content[i], err = compiled(t, root, path.Dir(m.file), overlay); err != nil {
			t.Fatal(err)
		}
	}
	if content[0] != content[1] {
		t.Fatalf("compiled to %s, and with the edit to %s", content[0], content[1])
	}
}

// compiled returns the import path of a package and a hash of its compiled code. The
// first half of a build ID is a hash of what went into the compiler, the second of
// what came out.
func compiled(t *testing.T, root, dir, overlay string) (name, content string, err error) {
	t.Helper()
	line, err := golang(t, root, "list", "-export", "-overlay="+overlay, "-f", "{{.ImportPath}} {{.BuildID}}", "./"+dir)
	if err != nil {
		return "", "", err
	}
	name, id, _ := strings.Cut(strings.TrimSpace(line), " ")
	_, content, ok := strings.Cut(id, "/")
	if !ok || content == "" {
		return "", "", fmt.Errorf("go list gives no hash of what %s is compiled to: %q", dir, line)
	}
	return name, content, nil
}

// golang runs the go command at root and returns its output.
func golang(t *testing.T, root string, args ...string) (string, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), "go", args...)
	c.Dir = root
	var said strings.Builder
	c.Stderr = &said
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%v: %w\n%s", c.Args, err, said.String())
	}
	return string(out), nil
}
