package main

import (
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

const module = "github.com/brandpulse/brandpulse-connect/"

// message is an error or a line of the log in the source, with "…" for each value.
type message struct{ text, file string }

// messages returns those of all packages of this module that are in the program, each
// text once per file. A text that a function assembles from parts is not among them;
// the errors that it explains are.
func messages(root string) (found []message, err error) {
	list := exec.Command("go", "list", "-deps", "-f",
		`{{range .GoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}`, "./cmd/brandpulse-connect")
	list.Dir, list.Stderr = root, os.Stderr
	out, err := list.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the files of the program: %w", err)
	}
	if root, err = filepath.Abs(root); err != nil {
		return nil, err
	}
	files, byPackage := token.NewFileSet(), map[string][]*ast.File{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !strings.HasPrefix(path, module) {
			continue
		}
		parsed, err := parser.ParseFile(files, file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		byPackage[path] = append(byPackage[path], parsed)
	}
	for _, parsed := range byPackage {
		s := newSource(parsed)
		for _, f := range parsed {
			name, err := filepath.Rel(root, files.Position(f.Pos()).Filename)
			if err != nil {
				return nil, err
			}
			for _, text := range s.of(f) {
				found = append(found, message{text, filepath.ToSlash(name)})
			}
		}
	}
	slices.SortFunc(found, func(a, b message) int { return cmp.Or(cmp.Compare(a.text, b.text), cmp.Compare(a.file, b.file)) })
	return slices.Compact(found), nil
}
