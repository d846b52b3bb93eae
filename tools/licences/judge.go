package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// judge gives one line for everything that the policy does not allow: a module
// without a known licence, a licence that is not permissive, a file header
// under another licence, and an exception that nothing needs any more.
func (s scope) judge(c *classifier, inv modules) ([]string, error) {
	var findings []string
	used := map[exception]bool{}
	for _, m := range inv.sorted() {
		of, err := s.judgeLicenceFiles(c, m)
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)

		of, err = s.judgeHeaders(c, m, used)
		if err != nil {
			return nil, err
		}
		findings = append(findings, of...)
	}
	for _, e := range s.exceptions {
		if !used[e] {
			findings = append(findings, fmt.Sprintf("%s: the exception for %s (%s) is not needed any more: take it off the list",
				e.module, e.file, e.licence))
		}
	}
	return findings, nil
}

func (s scope) judgeLicenceFiles(c *classifier, m *module) ([]string, error) {
	files, err := licenceFiles(m)
	if err != nil {
		return nil, err
	}
	if len(files) == 0 && !isRedpandaConnect(m) {
		return []string{fmt.Sprintf("%s %s: has no licence file", m.path, m.version)}, nil
	}
	var findings []string
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(m.dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("reading the licence of %s: %w", m.path, err)
		}
		ids := c.text(text)
		if len(ids) == 0 {
			findings = append(findings, fmt.Sprintf("%s %s: %s is no licence that is known here", m.path, m.version, name))
		}
		for _, id := range ids {
			if !permissive[id] {
				findings = append(findings, fmt.Sprintf("%s %s: %s is %s", m.path, m.version, name, id))
			}
		}
	}
	return findings, nil
}

// isRedpandaConnect tells the one module whose root has no licence file: each
// of its files names its licence in its header, so there a header is required.
func isRedpandaConnect(m *module) bool { return m.path == "github.com/redpanda-data/connect/v4" }

func (s scope) judgeHeaders(c *classifier, m *module, used map[exception]bool) ([]string, error) {
	var findings []string
	for _, name := range sortedKeys(m.files) {
		source, err := os.ReadFile(filepath.Join(m.dir, filepath.FromSlash(name)))
		if err != nil {
			return nil, fmt.Errorf("reading the header of %s in %s: %w", name, m.path, err)
		}
		ids, unknown := c.header(source)
		switch {
		case unknown != "":
			findings = append(findings, fmt.Sprintf("%s %s: %s has a licence header that is not known here: %.200s", m.path, m.version, name, unknown))
		case len(ids) == 0 && isRedpandaConnect(m):
			findings = append(findings, fmt.Sprintf("%s %s: %s does not name its licence", m.path, m.version, name))
		}
		for _, id := range ids {
			e := exception{module: m.path, file: name, licence: id}
			switch {
			case permissive[id]:
			case slices.Contains(s.exceptions, e):
				used[e] = true
			default:
				findings = append(findings, fmt.Sprintf("%s %s: %s is under %s", m.path, m.version, name, id))
			}
		}
	}
	return findings, nil
}

func sortedKeys(set map[string]bool) []string {
	keys := make([]string, 0, len(set))
	for k := range set {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
