package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	errorsPage      = "docs/errors.md"
	troubleshooting = "docs/troubleshooting.md"
)

//go:embed errorshead.md
var errorsHead string

// section is a part of the page of troubleshooting.
type section struct{ anchor, title string }

var heading = regexp.MustCompile(`(?m)^#{2,3} (.*)$`)

// sectionsOf returns the sections of a page by their anchors.
func sectionsOf(page string) map[string]section {
	sections := map[string]section{}
	for _, h := range heading.FindAllStringSubmatch(page, -1) {
		sections[anchor(h[1])] = section{anchor(h[1]), h[1]}
	}
	return sections
}

// line is a line of the page of errors.
func (s section) line(message string) string {
	return fmt.Sprintf("| %s | [%s](troubleshooting.md#%s) |", cell(code(message)), s.title, s.anchor)
}

var errorsLine = regexp.MustCompile(`(?m)^\| (.*) \| \[[^\]]*\]\(troubleshooting\.md#([^)]*)\) \|$`)

// chosen returns the anchor for each line of the page of errors, by its first column.
func chosen(page string) map[string]string {
	found := map[string]string{}
	for _, line := range errorsLine.FindAllStringSubmatch(page, -1) {
		found[line[1]] = line[2]
	}
	return found
}

// errorsIndex is the page of errors as it is, and what the source has.
type errorsIndex struct {
	sections map[string]section // by anchor
	chosen   map[string]string  // the anchor of each first column
	found    []message
}

func readErrors(root string) (index errorsIndex, err error) {
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(troubleshooting)))
	if err != nil {
		return index, err
	}
	index.sections = sectionsOf(string(text))
	if text, err = os.ReadFile(filepath.Join(root, filepath.FromSlash(errorsPage))); err != nil {
		return index, err
	}
	index.chosen = chosen(string(text))
	index.found, err = messages(root)
	return index, err
}

// render returns the page of the messages that the source has.
func (index errorsIndex) render() []byte {
	lines := map[string]string{} // by message
	for _, m := range index.found {
		if lines[m.text] == "" {
			lines[m.text] = index.section(m).line(m.text)
		}
	}
	var links, tables strings.Builder
	letter := ""
	for _, text := range slices.SortedFunc(maps.Keys(lines), byFirstLetter) {
		if first := fromFirstLetter(text)[:1]; first != letter {
			letter = first
			fmt.Fprintf(&links, "[%s](#%s)\n", strings.ToUpper(letter), letter)
			fmt.Fprintf(&tables, "\n## %s\n\n| Message | Section |\n| --- | --- |\n", strings.ToUpper(letter))
		}
		tables.WriteString(lines[text] + "\n")
	}
	return []byte(errorsHead + links.String() + tables.String())
}

// section returns the one that the page has chosen for a message, or proposes one. A
// chosen one that does not exist stays, so a test fails and a person chooses.
func (index errorsIndex) section(m message) section {
	chosen, ok := index.chosen[cell(code(m.text))]
	if !ok {
		return index.propose(m)
	}
	if s, ok := index.sections[chosen]; ok {
		return s
	}
	return section{chosen, chosen}
}

// unlisted returns the messages that the page lacks.
func (index errorsIndex) unlisted() (lacks []message) {
	for _, m := range index.found {
		if _, ok := index.chosen[cell(code(m.text))]; !ok {
			lacks = append(lacks, m)
		}
	}
	return lacks
}

// propose returns the section of the message that is most like a new one, in its words
// and its place in the source. It is a proposal: no program knows what helps a reader.
func (index errorsIndex) propose(m message) section {
	files := map[string]string{}
	for _, other := range index.found {
		files[cell(code(other.text))] = other.file
	}
	best, likest := section{}, -1.0
	for _, cells := range slices.Sorted(maps.Keys(index.chosen)) {
		s, ok := index.sections[index.chosen[cells]]
		if !ok {
			continue
		}
		like := likeness(cells, m.text) + nearness(files[cells], m.file)/2
		if like > likest {
			best, likest = s, like
		}
	}
	return best
}

// likeness returns the share of words that two messages have in common.
func likeness(a, b string) float64 {
	of, other, both := words(a), words(b), 0
	for word := range of {
		if other[word] {
			both++
		}
	}
	return float64(both) / float64(max(len(of)+len(other)-both, 1))
}

func words(text string) map[string]bool {
	found := map[string]bool{}
	for _, word := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		found[word] = true
	}
	return found
}

// nearness returns the share of folders and files that two paths have in common.
func nearness(a, b string) float64 {
	of, other, both := strings.Split(a, "/"), strings.Split(b, "/"), 0
	for both < min(len(of), len(other)) && of[both] == other[both] {
		both++
	}
	return float64(both) / float64(max(len(of), len(other)))
}

// byFirstLetter compares messages without the values and marks that they begin with.
func byFirstLetter(a, b string) int {
	return cmp.Or(cmp.Compare(fromFirstLetter(a), fromFirstLetter(b)), cmp.Compare(a, b))
}

func fromFirstLetter(text string) string {
	return strings.ToLower(text[strings.IndexFunc(text, unicode.IsLetter):])
}
