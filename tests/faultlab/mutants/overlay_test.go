package mutants_test

import (
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// overlay writes what `go build -overlay` needs to build the mutant of the checkout
// at root. Both are made for one run, with absolute paths: go build ignores an entry
// whose file is gone, and a stored copy of a file would revert what was changed in
// it since.
func (m *mutant) overlay(t *testing.T, root string) string {
	t.Helper()
	original := filepath.Join(root, filepath.FromSlash(m.file))
	source, err := os.ReadFile(original)
	if err != nil {
		t.Fatalf("mutant %s: %v: name the file that has the rule now", m.name, err)
	}
	mutated, err := m.apply(string(source))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	replacement := filepath.Join(dir, path.Base(m.file))
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{original: replacement}})
	if err != nil {
		t.Fatal(err)
	}
	overlay := filepath.Join(dir, "overlay.json")
	for name, content := range map[string][]byte{replacement: []byte(mutated), overlay: list} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return overlay
}

// apply returns the source with the edits.
func (m *mutant) apply(source string) (string, error) {
	for _, e := range m.edits {
		switch n := strings.Count(source, e.old); n {
		case 1:
			source = strings.Replace(source, e.old, e.new, 1)
		case 0:
			return "", fmt.Errorf("mutant %s: text not found in %s: update the edit in tests/faultlab/mutants:\n%s", m.name, m.file, e.old)
		default:
			return "", fmt.Errorf("mutant %s: text found %d times in %s: lengthen the edit in tests/faultlab/mutants:\n%s", m.name, n, m.file, e.old)
		}
	}
	return m.withImports(source)
}

// withImports adds the imports that the file does not have, on the line of its
// package clause, so that the numbers of its lines stay.
func (m *mutant) withImports(source string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), m.file, source, parser.ImportsOnly)
	if err != nil {
		return "", fmt.Errorf("mutant %s: %w", m.name, err)
	}
	has := map[string]bool{}
	for _, i := range file.Imports {
		has[i.Path.Value] = true
	}
	var added strings.Builder
	for _, name := range m.imports {
		if quoted := strconv.Quote(name); !has[quoted] {
			added.WriteString("; import " + quoted)
		}
	}
	end := file.Name.End() - 1 // positions count from 1
	return source[:end] + added.String() + source[end:], nil
}
