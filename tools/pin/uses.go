package main

import (
	"path/filepath"
	"regexp"
	"strings"
)

// kind is the kind of a dependency.
type kind int

const (
	action kind = iota
	image
)

var (
	commit    = regexp.MustCompile(`^[0-9a-f]{40}$`)
	imageHash = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

func (k kind) valid(digest string) bool {
	if k == action {
		return commit.MatchString(digest)
	}
	return imageHash.MatchString(digest)
}

// use is one reference to an action or an image.
type use struct {
	kind    kind
	name    string // owner/repository, or an image without its tag
	path    string // of an action within its repository
	version string // tag
	digest  string // empty: not pinned
	line    int
}

func (u use) String() string {
	if u.kind == action {
		return u.name + u.path + "@" + u.version
	}
	return u.name + ":" + u.version
}

// written returns the reference with a digest.
func (u use) written(digest string) string {
	if u.kind == action {
		return u.name + u.path + "@" + digest + " # " + u.version
	}
	return u.String() + "@" + digest
}

var (
	usesLine  = regexp.MustCompile(`^(\s*(?:- )?uses:\s*)([\w.-]+/[\w.-]+)(/[\w./-]+)?@(\S+)(?:[ \t]+#[ \t]*(\S+))?[ \t]*$`)
	imageLine = regexp.MustCompile(`^(\s*image:\s*)([\w./-]+(?::\d+/[\w./-]+)?):([\w.-]+)(?:@(sha256:[0-9a-f]+))?[ \t]*$`)
	fromLine  = regexp.MustCompile(`^(FROM\s+(?:--\S+\s+)?)([\w./-]+(?::\d+/[\w./-]+)?):([\w.-]+)(?:@(sha256:[0-9a-f]+))?((?:\s+AS\s+\S+)?[ \t]*)$`)
)

// builtHere is the tag of images that compose.yaml builds itself.
const builtHere = "local"

// parse finds the reference in a line of a file. before and after are the text around
// it.
func parse(name, line string) (before string, u use, after string, ok bool) {
	switch {
	case strings.HasPrefix(filepath.ToSlash(name), ".github/"):
		m := usesLine.FindStringSubmatch(line)
		if m == nil {
			return "", u, "", false
		}
		u = use{kind: action, name: m[2], path: m[3], version: m[4]}
		if commit.MatchString(m[4]) {
			// The tag is in the comment. Without one the version is unknown, and the
			// line is left alone.
			u.version, u.digest = m[5], m[4]
		}
		return m[1], u, "", u.version != ""
	case filepath.Base(name) == "Dockerfile":
		m := fromLine.FindStringSubmatch(line)
		if m == nil {
			return "", u, "", false
		}
		return m[1], use{kind: image, name: m[2], version: m[3], digest: m[4]}, m[5], true
	default:
		m := imageLine.FindStringSubmatch(line)
		if len(m) == 0 || m[3] == builtHere {
			return "", u, "", false
		}
		return m[1], use{kind: image, name: m[2], version: m[3], digest: m[4]}, "", true
	}
}

func usesIn(name, text string) (uses []use) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		if _, u, _, ok := parse(name, strings.TrimRight(line, "\r\n")); ok {
			u.line = number
			uses = append(uses, u)
		}
	}
	return uses
}

// rewrite adds digests to the versions and returns the references that have changed.
func rewrite(name, text string, digests map[string]string) (pinned string, changed []use) {
	var out strings.Builder
	number := 0
	for line := range strings.Lines(text) {
		number++
		bare := strings.TrimRight(line, "\r\n")
		before, u, after, ok := parse(name, bare)
		digest := digests[u.String()]
		if !ok || digest == "" || digest == u.digest {
			out.WriteString(line)
			continue
		}
		u.line = number
		changed = append(changed, u)
		out.WriteString(before + u.written(digest) + after + line[len(bare):])
	}
	return out.String(), changed
}
