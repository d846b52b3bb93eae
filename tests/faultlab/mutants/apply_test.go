package mutants_test

import (
	"strings"
	"testing"
)

// If this fails, a mutant is built from another text than its author saw.
func TestApplyRefusesATextThatIsNotThereOnce(t *testing.T) {
	m := mutant{name: "x", file: "a.go", edits: []edit{{old: "n := 1", new: "n := 2"}}}
	for source, want := range map[string]string{
		"package a\n\nfunc f() { n = 1 }\n":        "mutant x: text not found in a.go: update the edit",
		"package a\n\nvar b = `n := 1 n := 1`\n":   "mutant x: text found 2 times in a.go: lengthen the edit",
		"package\n\nfunc f() { n := 1; return n }": "mutant x: a.go:3:1: expected 'IDENT'",
	} {
		if _, err := m.apply(source); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q gives the error %v, want %s", source, err, want)
		}
	}
}

// If this fails, an edit that needs a package does not compile once its file imports
// the package, or moves every line of the file.
func TestApplyAddsTheImportsThatAreMissing(t *testing.T) {
	m := mutant{name: "x", file: "a.go", imports: []string{"sync", "math/rand/v2"}, edits: []edit{{old: "1", new: "2"}}}
	got, err := m.apply("// Package a is one.\npackage a // package a\n\nimport \"sync\"\n\nvar b = 1\n")
	want := "// Package a is one.\npackage a; import \"math/rand/v2\" // package a\n\nimport \"sync\"\n\nvar b = 2\n"
	if err != nil || got != want {
		t.Fatalf("got %v and\n%s\nwant\n%s", err, got, want)
	}
}
