package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// If this fails, somebody who looks for an error of the program finds nothing about it,
// or a section that does not exist.
func TestEachMessageHasASection(t *testing.T) {
	index, err := readErrors(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range index.unlisted() {
		t.Errorf("%s has no line for a message of %s. `make docs` adds this one, in its place. If another section of %s explains the message better, change the link:\n%s",
			errorsPage, m.file, troubleshooting, index.propose(m).line(m.text))
	}
	exists := map[string]bool{}
	for _, m := range index.found {
		exists[cell(code(m.text))] = true
	}
	for cells, chosen := range index.chosen {
		if _, ok := index.sections[chosen]; !ok {
			t.Errorf("%s has no section %s, to which %s refers in the line of %s", troubleshooting, chosen, errorsPage, cells)
		}
		if !exists[cells] {
			t.Errorf("%s has a message that the program does not have; `make docs` removes its line: %s", errorsPage, cells)
		}
	}
	if stale, err := compare(root, map[string][]byte{errorsPage: index.render()}); err != nil {
		t.Error(err)
	} else if slices.Contains(stale, errorsPage) {
		t.Errorf("%s is stale: run make docs", errorsPage)
	}
	if len(exists) < 700 {
		t.Errorf("only %d messages are found", len(exists))
	}
	unused := sectionsOfMessages(t)
	for _, anchor := range index.chosen {
		delete(unused, anchor)
	}
	for anchor := range unused {
		t.Errorf("%s has a section without a message: %s", troubleshooting, anchor)
	}
}

// sectionsOfMessages returns the sections that exist for messages alone.
func sectionsOfMessages(t *testing.T) map[string]section {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, troubleshooting))
	if err != nil {
		t.Fatal(err)
	}
	_, ofMessages, ok := strings.Cut(string(text), "\n## Messages of pipelines\n")
	if !ok {
		t.Fatalf("%s has no part for the messages of pipelines", troubleshooting)
	}
	sections := sectionsOf(ofMessages)
	delete(sections, "messages-of-commands") // a part
	return sections
}

// If this fails, `make docs` loses the section of a message, or proposes one that has
// nothing to do with it.
func TestErrorsPageKeepsItsSectionsAndProposesOthers(t *testing.T) {
	sections := sectionsOf("## Part\n### Kafka is down\n### A file's name, wrong\n")
	kafka, file := sections["kafka-is-down"], sections["a-files-name-wrong"]
	old := []message{
		{"reaching …: it does not answer", "a/kafka.go"}, {"… is `no` file | folder: …", "b/file.go"},
		{"closing the folder …", "b/file.go"}, {"gone from the source", "c.go"},
	}
	page := kafka.line(old[0].text) + "\n" + file.line(old[1].text) + "\n" + kafka.line(old[2].text) + "\n" + kafka.line(old[3].text) + "\n"
	index := errorsIndex{sections, chosen(page), append(old[:3:3],
		message{"reaching the leader: it does not respond", "d/other.go"},
		message{"… is no file", "b/file.go"}, message{"zero values", "e.go"})}
	index.chosen["`zero values`"] = "renamed"
	want := []string{
		"[C](#c)", "[I](#i)", "[R](#r)", "[Z](#z)",
		"## C", kafka.line(old[2].text),
		"## I", file.line(old[1].text), file.line("… is no file"),
		"## R", kafka.line("reaching the leader: it does not respond"), kafka.line(old[0].text),
		"## Z", "| `zero values` | [renamed](troubleshooting.md#renamed) |",
	}
	var got []string
	for line := range strings.Lines(strings.TrimPrefix(string(index.render()), errorsHead)) {
		if line = strings.TrimSpace(line); line != "" && line != "| Message | Section |" && line != "| --- | --- |" {
			got = append(got, line)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
