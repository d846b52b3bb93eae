package main

import (
	"path/filepath"
	"regexp"
	"strings"
)

// kind is what is taken from elsewhere.
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

// use is one place that takes an action or an image.
type use struct {
	kind    kind
	name    string // owner/repository, or an image without its tag
	path    string // of an action within its repository
	version string // tag
	digest  string // empty: it is not pinned
	line    int
}

func (u use) String() string {
	if u.kind == action {
		return u.name + u.path + "@" + u.version
	}
	return u.name + ":" + u.version
}

// written is how it stands in a file with a digest.
func (u use) written(digest string) string {
	if u.kind == action {
		return u.name + u.path + "@" + digest + " # " + u.version
	}
	return u.String() + "@" + digest
}

var (
	usesLine = regexp.MustCompile(`^(\s*(?:- )?uses:\s*)([\w.-]+/[\w.-]+)(/[\w./-]+)?@(\S+)(?:[ \t]+#[ \t]*(\S+))?[ \t]*$`)
	// An image that is built here has the tag local, and none elsewhere.
	imageLine = regexp.MustCompile(`^(\s*image:\s*)([\w./-]+(?::\d+/[\w./-]+)?):([\w.-]+)(?:@(sha256:[0-9a-f]+))?[ \t]*$`)
	fromLine  = regexp.MustCompile(`^(FROM\s+(?:--\S+\s+)?)([\w./-]+(?::\d+/[\w./-]+)?):([\w.-]+)(?:@(sha256:[0-9a-f]+))?((?:\s+AS\s+\S+)?[ \t]*)$`)
)

const builtHere = "local"

// parse reads a line of a file. before and after are what stands around the use.
func parse(name, line string) (before string, u use, after string, ok bool) {
	switch {
	case strings.HasPrefix(filepath.ToSlash(name), ".github/"):
		m := usesLine.FindStringSubmatch(line)
		if m == nil {
			return "", u, "", false
		}
		u = use{kind: action, name: m[2], path: m[3], version: m[4]}
		if commit.MatchString(m[4]) {
			// Without its tag beside it nobody knows which version it is: then it
			// stays as it is.
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

// rewrite puts digests beside the versions, and gives the uses that have another one
// now.
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
