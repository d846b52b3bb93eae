package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/google/licensecheck"
)

// phrases are those that licensecheck does not know, in its pattern language.
var phrases = []licensecheck.License{
	{ID: redpandaCommunity, LRE: "Licensed as a Redpanda Enterprise file under the Redpanda Community License"},
	{ID: "BUSL-1.1", LRE: "Use of this software is governed by the Business Source License"},
	{ID: "Commons-Clause", LRE: "Commons Clause License Condition"},
	{ID: "BSD-2-Clause", LRE: "Distributed under the Simplified BSD License"},
}

// aboutLicence finds a header that speaks of a licence, known or not.
var aboutLicence = regexp.MustCompile(`(?i)\blicen[sc]e|\bcopyleft\b`)

// elsewhere finds headers that only point at the licence file of the module,
// which is classified by itself.
var elsewhere = regexp.MustCompile(`(?is)licen[sc]e\s+(information\s+|that\s+)?can\s+be\s+found\s+in` +
	`|(see|refer to)\s+(the\s+)?licen[sc]e`)

// spdx finds an identifier that a header gives instead of a text.
var spdx = regexp.MustCompile(`SPDX-License-Identifier:\s*([\w.+-]+(?:\s+(?:OR|AND|WITH)\s+[\w.+-]+)*)`)

type classifier struct{ scanner *licensecheck.Scanner }

func newClassifier() (*classifier, error) {
	s, err := licensecheck.NewScanner(append(licensecheck.BuiltinLicenses(), phrases...))
	if err != nil {
		return nil, fmt.Errorf("building the licence scanner: %w", err)
	}
	return &classifier{scanner: s}, nil
}

// text gives the identifiers of the licences found in a licence file. It is
// empty when most of the file is nothing known.
func (c *classifier) text(file []byte) []string {
	cov := c.scanner.Scan(file)
	if cov.Percent < 60 {
		return nil
	}
	return identifiers(cov)
}

// header gives the licences that the comments at the head of a source file
// name; unknown is the header of a file that speaks of a licence in words that
// nothing here knows.
func (c *classifier) header(source []byte) (licences []string, unknown string) {
	head := leadingComments(source)
	if !aboutLicence.Match(head) {
		return nil, ""
	}
	licences = identifiers(c.scanner.Scan(head))
	for _, m := range spdx.FindAllSubmatch(head, -1) {
		licences = append(licences, string(m[1]))
	}
	if len(licences) == 0 && !elsewhere.Match(head) {
		return nil, strings.Join(strings.Fields(string(head)), " ")
	}
	slices.Sort(licences)
	return slices.Compact(licences), ""
}

func identifiers(cov licensecheck.Coverage) []string {
	var ids []string
	for _, m := range cov.Match {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// leadingComments gives the comments before the first line of code. A licence
// header stands there in every language that Go compiles.
func leadingComments(source []byte) []byte {
	var head []byte
	block := false
	for line := range bytes.Lines(source) {
		text := bytes.TrimSpace(line)
		switch {
		case block:
			block = !bytes.Contains(text, []byte("*/"))
		case len(text) == 0, bytes.HasPrefix(text, []byte("//")), bytes.HasPrefix(text, []byte("#")):
		case bytes.HasPrefix(text, []byte("/*")):
			block = !bytes.Contains(text, []byte("*/"))
		default:
			return head
		}
		head = append(head, bytes.TrimLeft(text, "/#* ")...)
		head = append(head, '\n')
	}
	return head
}

var licenceFile = regexp.MustCompile(`(?i)^(un)?licen[sc]e|^copying`)

// licenceFiles gives the licence files of a module, slash-separated below its
// folder: those in its root, and those beside or above a compiled file, such
// as the licence of code that was copied into a folder.
func licenceFiles(m *module) ([]string, error) {
	dirs := map[string]bool{".": true}
	for f := range m.files {
		for d := filepath.Dir(filepath.FromSlash(f)); !dirs[d]; d = filepath.Dir(d) {
			dirs[d] = true
		}
	}
	var found []string
	for d := range dirs {
		entries, err := os.ReadDir(filepath.Join(m.dir, d))
		if err != nil {
			return nil, fmt.Errorf("looking for the licence of %s: %w", m.path, err)
		}
		for _, e := range entries {
			if !e.IsDir() && licenceFile.MatchString(e.Name()) && filepath.Ext(e.Name()) != ".go" {
				found = append(found, filepath.ToSlash(filepath.Join(d, e.Name())))
			}
		}
	}
	slices.Sort(found)
	return found, nil
}
