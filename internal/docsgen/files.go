package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

const (
	pagesDir    = "docs/components"
	readme      = "README.md"
	tableBegins = "<!-- components:begin -->"
	tableEnds   = "<!-- components:end -->"
)

// render returns the expected files, by their path below root.
func render(root string, components []component) (map[string][]byte, error) {
	want := map[string][]byte{}
	for _, c := range components {
		text, err := renderPage(c)
		if err != nil {
			return nil, err
		}
		want[pagePath(c)] = text
	}
	want[metricsPage] = renderMetrics(components)
	text, err := os.ReadFile(filepath.Join(root, readme))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", readme, err)
	}
	if want[readme], err = withTable(text, table(components)); err != nil {
		return nil, fmt.Errorf("placing the component table in %s: %w", readme, err)
	}
	return want, nil
}

// table returns the list of components for the README.
func table(components []component) string {
	var b strings.Builder
	b.WriteString("| Component | | |\n| --- | --- | --- |\n")
	for _, c := range components {
		fmt.Fprintf(&b, "| [`%s`](%s) | %s | %s |\n", c.Name, pagePath(c), c.Type, cell(c.Summary))
	}
	return b.String()
}

func withTable(text []byte, table string) ([]byte, error) {
	before, rest, ok := bytes.Cut(text, []byte(tableBegins))
	if !ok {
		return nil, fmt.Errorf("there is no line %s", tableBegins)
	}
	_, after, ok := bytes.Cut(rest, []byte(tableEnds))
	if !ok {
		return nil, fmt.Errorf("there is no line %s after %s", tableEnds, tableBegins)
	}
	return slices.Concat(before, []byte(tableBegins+"\n"+table+tableEnds), after), nil
}

// compare returns the files that differ from the expected ones, including pages of
// removed components.
func compare(root string, want map[string][]byte) ([]string, error) {
	stale := map[string]bool{}
	for name, text := range want {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("reading %s: %w", name, err)
		}
		if err != nil || !bytes.Equal(got, text) {
			stale[name] = true
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pagesDir), "*.md"))
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", pagesDir, err)
	}
	for _, p := range pages {
		if name := pagesDir + "/" + filepath.Base(p); want[name] == nil {
			stale[name] = true
		}
	}
	return slices.Sorted(maps.Keys(stale)), nil
}

func update(root string, want map[string][]byte, stale []string) error {
	if err := os.MkdirAll(filepath.Join(root, filepath.FromSlash(pagesDir)), 0o755); err != nil {
		return fmt.Errorf("creating %s: %w", pagesDir, err)
	}
	for _, name := range stale {
		file := filepath.Join(root, filepath.FromSlash(name))
		text, ok := want[name]
		if !ok {
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("removing the page of a removed component: %w", err)
			}
			continue
		}
		if err := os.WriteFile(file, text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}
