package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const (
	workflow = `jobs:
  a:
    steps:
      - &checkout
        uses: actions/checkout@v4
      - uses: actions/cache/save@v4 # v4
      - *checkout
      - uses: ./here
      - uses: pinned/long-ago@0123456789012345678901234567890123456789 # v1.2.3
      - uses: pinned/without-tag@0123456789012345678901234567890123456789
      - run: echo "uses: actions/not-this@v1"
`
	compose = `x-own: &own
  build: .
  image: brandpulse-connect:local
services:
  kafka:
    image: apache/kafka:4.1.0
  other:
    image: registry.example:5000/team/thing:v1.2@sha256:` + zeros + `
`
	dockerfile = "FROM golang:1.26.8 AS build\nRUN true\r\nFROM --platform=linux/amd64 busybox:1.37.0-musl AS busybox\nFROM scratch\nCOPY --from=busybox /x /x\n"

	zeros = "0000000000000000000000000000000000000000000000000000000000000000"
	ones  = "1111111111111111111111111111111111111111111111111111111111111111"
)

func repository(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{".github/workflows/ci.yml": workflow, "compose.yaml": compose, "Dockerfile": dockerfile} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func contents(t *testing.T, root, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// fixed gives the same digests to all, but for those that it fails for.
type fixed map[string]error

func (f fixed) digest(_ context.Context, u use) (string, error) {
	if err, ok := f[u.String()]; ok {
		return "sha256:" + ones[:10], err
	}
	if u.kind == action {
		return ones[:40], nil
	}
	return "sha256:" + ones, nil
}

// What would break: something runs that is not what was looked at, or a file is no
// longer what it was but for the digests.
func TestAllIsPinned(t *testing.T) {
	root := repository(t)
	var out bytes.Buffer
	if err := checkAll(root, &out); !errors.Is(err, errNotPinned) || strings.Count(out.String(), "not pinned") != 5 ||
		!strings.Contains(out.String(), ".github/workflows/ci.yml:5: actions/checkout@v4 is not pinned") {
		t.Errorf("%v: %s", err, out.String())
	}
	for range 2 {
		if err := pinAll(t.Context(), root, fixed{}, &out); err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]string{
			".github/workflows/ci.yml": strings.NewReplacer(
				"actions/checkout@v4\n", "actions/checkout@"+ones[:40]+" # v4\n",
				"actions/cache/save@v4 # v4", "actions/cache/save@"+ones[:40]+" # v4",
				"long-ago@0123456789012345678901234567890123456789 #", "long-ago@"+ones[:40]+" #",
			).Replace(workflow),
			"compose.yaml": strings.NewReplacer("kafka:4.1.0", "kafka:4.1.0@sha256:"+ones, zeros, ones).Replace(compose),
			"Dockerfile":   strings.NewReplacer("golang:1.26.8", "golang:1.26.8@sha256:"+ones, "1.37.0-musl", "1.37.0-musl@sha256:"+ones).Replace(dockerfile),
		} {
			if got := contents(t, root, name); got != want {
				t.Errorf("%s is\n%s\nnot\n%s", name, got, want)
			}
		}
	}
	out.Reset()
	if err := checkAll(root, &out); err != nil || out.Len() > 0 {
		t.Errorf("%v: %s", err, out.String())
	}
}

// What would break: a digest that nobody has given stands in a file, or some of them.
func TestWithoutADigestNothingIsWritten(t *testing.T) {
	for name, from := range map[string]fixed{
		"no answer":       {"apache/kafka:4.1.0": errors.New("no such host")},
		"half a digest":   {"apache/kafka:4.1.0": nil},
		"of a commit":     {"actions/checkout@v4": nil},
		"of the last one": {"busybox:1.37.0-musl": errors.New("429")},
	} {
		root := repository(t)
		err := pinAll(t.Context(), root, from, &bytes.Buffer{})
		if err == nil || !strings.Contains(err.Error(), "nothing was written") {
			t.Errorf("%s: %v", name, err)
		}
		for file, want := range map[string]string{".github/workflows/ci.yml": workflow, "compose.yaml": compose, "Dockerfile": dockerfile} {
			if contents(t, root, file) != want {
				t.Errorf("%s: %s was written", name, file)
			}
		}
	}
}

func TestCommitOfATag(t *testing.T) {
	const light, object, behind = "1111111111111111111111111111111111111111", "2222222222222222222222222222222222222222", "3333333333333333333333333333333333333333"
	for answer, want := range map[string]string{
		light + "\trefs/tags/v4\n":                                   light,
		object + "\trefs/tags/v4\n" + behind + "\trefs/tags/v4^{}\n": behind,
		"":                          "",
		light + "\trefs/heads/v4\n": "",
	} {
		got, err := commitIn(answer, "refs/tags/v4")
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", answer, got, err)
		}
	}
}

// What would break: the files of this repository name something in a way that is not
// understood, and it stays as it is.
func TestFilesOfThisRepository(t *testing.T) {
	files, err := read("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		lines := 0
		for line := range strings.Lines(f.text) {
			trimmed := strings.TrimPrefix(strings.TrimSpace(line), "- ")
			if strings.HasPrefix(trimmed, "uses:") || strings.HasPrefix(trimmed, "image:") && !strings.HasSuffix(trimmed, ":"+builtHere) ||
				strings.HasPrefix(trimmed, "FROM ") && trimmed != "FROM scratch" {
				lines++
			}
		}
		if n := len(usesIn(f.name, f.text)); n != lines || n == 0 {
			t.Errorf("%s takes %d things from elsewhere, of which %d are understood", f.name, lines, n)
		}
	}
}
