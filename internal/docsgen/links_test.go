package main

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	fenced  = regexp.MustCompile("(?ms)^ *```.*?^ *```$")
	spans   = regexp.MustCompile("``.*?``|`[^`\n]*`")
	linkTo  = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heads   = regexp.MustCompile(`(?m)^#{1,6} (.*)$`)
	linking = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
)

// anchorsOf returns the anchors of a page's headings, as GitHub names them.
func anchorsOf(text string) map[string]bool {
	found := map[string]bool{}
	for _, h := range heads.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		found[anchor(linking.ReplaceAllString(h[1], "$1"))] = true
	}
	return found
}

// If this fails, a link of a page leads to a file or section that does not exist.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	list := exec.Command("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	links, anchors := 0, map[string]map[string]bool{}
	for page := range strings.Lines(string(out)) {
		page = strings.TrimSpace(page)
		if strings.HasPrefix(page, "plugins/") || strings.HasPrefix(page, "internal/") { // parts of generated pages
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range linkTo.FindAllStringSubmatch(spans.ReplaceAllString(fenced.ReplaceAllString(string(text), ""), ""), -1) {
			if strings.Contains(link[1], "://") || strings.HasPrefix(link[1], "mailto:") {
				continue
			}
			links++
			file, section, _ := strings.Cut(link[1], "#")
			target := path.Join(path.Dir(page), file)
			if file == "" {
				target = page
			}
			info, err := fs.Stat(os.DirFS(root), target)
			if err != nil {
				t.Errorf("%s: %s: %v", page, link[1], err)
				continue
			}
			if section == "" || info.IsDir() || path.Ext(target) != ".md" {
				continue
			}
			if anchors[target] == nil {
				linked, err := os.ReadFile(filepath.Join(root, target))
				if err != nil {
					t.Fatal(err)
				}
				anchors[target] = anchorsOf(string(linked))
			}
			if !anchors[target][section] {
				t.Errorf("%s: %s has no section %s", page, target, section)
			}
		}
	}
	if links < 900 {
		t.Errorf("only %d links are found", links)
	}
}
