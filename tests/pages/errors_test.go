package pages_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	troubleshooting = "docs/troubleshooting.md"
	errorsPage      = "docs/errors.md"
)

var (
	heading  = regexp.MustCompile(`(?m)^#{2,3} (.*)$`)
	section  = regexp.MustCompile(`(?m)^## \[[^\]]*\]\(troubleshooting\.md#([^)]*)\)$`)
	unlinked = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// anchor returns how a heading is linked to.
func anchor(title string) string {
	return strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

// If this fails, somebody who looks for an error of the program finds nothing about
// it, or a section that does not exist.
func TestEachMessageHasASection(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(testenv.Root(t), troubleshooting))
	if err != nil {
		t.Fatal(err)
	}
	unused, sections := map[string]bool{}, map[string]bool{}
	_, ofMessages, _ := strings.Cut(string(text), "\n## Messages of pipelines\n")
	for _, h := range heading.FindAllStringSubmatch(string(text), -1) {
		sections[anchor(h[1])] = true
	}
	for _, h := range heading.FindAllStringSubmatch(ofMessages, -1) {
		unused[anchor(h[1])] = !strings.HasPrefix(h[0], "## ")
	}

	listed := map[string]string{} // the anchor of each message
	for _, b := range blocks(t, errorsPage) {
		found := section.FindStringSubmatch(b.before)
		if found == nil || !sections[found[1]] {
			t.Fatalf("%s has no section for the messages after %q", troubleshooting, b.before)
		}
		unused[found[1]] = false
		lines := strings.Split(strings.TrimSuffix(b.text, "\n"), "\n")
		if !slices.IsSorted(lines) {
			t.Errorf("the messages of %s are not sorted", found[1])
		}
		for _, line := range lines {
			if listed[line] != "" {
				t.Errorf("%s has %q in %s and %s", errorsPage, line, listed[line], found[1])
			}
			listed[line] = found[1]
		}
	}
	for name, is := range unused {
		if is {
			t.Errorf("the section %s of %s has no message in %s", name, troubleshooting, errorsPage)
		}
	}

	exists := map[string]bool{}
	for _, m := range messages(t) {
		exists[m.text] = true
		if listed[m.text] == "" {
			t.Errorf("%s has no section for a message of\t%s\t%s", errorsPage, m.file, m.text)
		}
	}
	for line, in := range listed {
		if !exists[line] {
			t.Errorf("%s has a message in %s that the program does not have: %s", errorsPage, in, line)
		}
	}
	if len(exists) < 500 {
		t.Errorf("only %d messages are found", len(exists))
	}
}
