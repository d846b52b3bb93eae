// Command pin writes the digests of what CI and the containers take from elsewhere
// beside its versions: the actions of the workflows, and the images of compose.yaml
// and the Dockerfile. A tag can be moved to other content; a digest cannot.
//
//	go run ./pin -root ..           pin all, and bring those that are pinned up to their tags
//	go run ./pin -root .. -check    name what is not pinned, without a network; exit code 1 if anything is
//
// Digests come from the sources themselves: by git from GitHub for an action, by
// docker, crane or skopeo from its registry for an image. Where one cannot be had,
// nothing is written at all.
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

// pinned are the files that name such things.
var pinned = []string{".github/workflows/*.yml", ".github/workflows/*.yaml", "compose.yaml", "Dockerfile"}

func main() {
	root := flag.String("root", ".", "folder of the main module")
	check := flag.Bool("check", false, "name what is not pinned and write nothing")
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

var errNotPinned = errors.New("not everything is pinned: where there is a network, make pin does it")

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

// pinAll asks for all digests first: half of them would be a state that nobody has
// looked at.
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
				err = fmt.Errorf("%q is no digest", digest)
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
