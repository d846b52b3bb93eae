// Command pin adds digests to the versions of the actions in the workflows and of the
// images in compose.yaml and the Dockerfile. A tag can be moved to other content; a
// digest cannot.
//
//	go run ./pin -root ..           pin everything; update what is pinned to its tag
//	go run ./pin -root .. -check    list what is not pinned, offline; exit code 1 if there is anything
//
// The digests come from the sources themselves: from GitHub with git for an action, from
// its registry with docker, crane or skopeo for an image. If any of them cannot be
// obtained, nothing is written.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// pinned are the files with actions and images.
var pinned = []string{".github/workflows/*.yml", ".github/workflows/*.yaml", "compose.yaml", "Dockerfile"}

func main() {
	root := flag.String("root", ".", "folder of the main module")
	check := flag.Bool("check", false, "list what is not pinned and write nothing")
	flag.Parse()
	run := func() error { return pinAll(context.Background(), *root, sources{}, os.Stdout) }
	if *check {
		run = func() error { return checkAll(*root, os.Stdout) }
	}
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pin:", err)
		os.Exit(1)
	}
}

type file struct {
	path string
	name string // within root
	text string
}

func read(root string) ([]file, error) {
	var files []file
	for _, pattern := range pinned {
		paths, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pattern)))
		if err != nil {
			return nil, err
		}
		for _, path := range paths {
			text, err := os.ReadFile(path)
			if err != nil {
				return nil, err
			}
			name, err := filepath.Rel(root, path)
			if err != nil {
				return nil, err
			}
			files = append(files, file{path, name, string(text)})
		}
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("there is nothing to pin in %s", root)
	}
	return files, nil
}

var errNotPinned = errors.New("not everything is pinned: run make pin on a machine with a network")

func checkAll(root string, out io.Writer) error {
	files, err := read(root)
	if err != nil {
		return err
	}
	var result error
	for _, f := range files {
		for _, u := range usesIn(f.name, f.text) {
			if u.digest == "" {
				fmt.Fprintf(out, "%s:%d: %s is not pinned\n", f.name, u.line, u)
				result = errNotPinned
			}
		}
	}
	return result
}

// pinAll gets all digests before it writes any.
func pinAll(ctx context.Context, root string, from digester, out io.Writer) error {
	files, err := read(root)
	if err != nil {
		return err
	}
	digests := map[string]string{}
	var errs []error
	for _, f := range files {
		for _, u := range usesIn(f.name, f.text) {
			if _, known := digests[u.String()]; known {
				continue
			}
			digest, err := from.digest(ctx, u)
			if err == nil && !u.kind.valid(digest) {
				err = fmt.Errorf("%q is not a digest", digest)
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("%s:%d: looking for the digest of %s: %w", f.name, u.line, u, err))
			}
			digests[u.String()] = digest
		}
	}
	if len(errs) > 0 {
		return errors.Join(append(errs, errors.New("nothing was written"))...)
	}
	for _, f := range files {
		text, changed := rewrite(f.name, f.text, digests)
		for _, u := range changed {
			fmt.Fprintf(out, "%s:%d: %s is %s\n", f.name, u.line, u, digests[u.String()])
		}
		if len(changed) == 0 {
			continue
		}
		if err := os.WriteFile(f.path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
