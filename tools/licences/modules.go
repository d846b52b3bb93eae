package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
)

type platform struct{ os, arch string }

// A module is what one module contributes to a build.
type module struct {
	path    string
	version string
	dir     string
	// files are the compiled files, slash-separated, below dir.
	files map[string]bool
}

// modules are the modules of a build, by path.
type modules map[string]*module

func (ms modules) files() int {
	n := 0
	for _, m := range ms {
		n += len(m.files)
	}
	return n
}

func (ms modules) sorted() []*module {
	all := make([]*module, 0, len(ms))
	for _, m := range ms {
		all = append(all, m)
	}
	slices.SortFunc(all, func(a, b *module) int { return bytes.Compare([]byte(a.path), []byte(b.path)) })
	return all
}

// listedPackage is what `go list -json` says of a package.
type listedPackage struct {
	ImportPath string
	Dir        string
	GoFiles    []string
	CgoFiles   []string
	CFiles     []string
	CXXFiles   []string
	HFiles     []string
	SFiles     []string
	SysoFiles  []string
	Module     *struct {
		Path    string
		Version string
		Dir     string
		Main    bool
		Replace *struct{ Path, Version string }
	}
}

func (p listedPackage) files() []string {
	return slices.Concat(p.GoFiles, p.CgoFiles, p.CFiles, p.CXXFiles, p.HFiles, p.SFiles, p.SysoFiles)
}

// listModules gives the modules and files that the packages are compiled from,
// over all platforms. The main module and the standard library are left out.
func listModules(ctx context.Context, root, packages string, on []platform) (modules, error) {
	inv := modules{}
	for _, p := range on {
		cmd := exec.CommandContext(ctx, "go", "list", "-deps",
			"-json=ImportPath,Dir,GoFiles,CgoFiles,CFiles,CXXFiles,HFiles,SFiles,SysoFiles,Module", packages)
		cmd.Dir = root
		// cgo on: it adds files, and everything that it leaves out is pure Go.
		cmd.Env = append(os.Environ(), "GOOS="+p.os, "GOARCH="+p.arch, "CGO_ENABLED=1", "GOWORK=off")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		listed, err := cmd.Output()
		if err != nil {
			return nil, fmt.Errorf("listing the packages of %s on %s/%s: %w: %s", packages, p.os, p.arch, err, stderr.Bytes())
		}
		if err := inv.add(bytes.NewReader(listed)); err != nil {
			return nil, fmt.Errorf("reading the package list of %s: %w", packages, err)
		}
	}
	if len(inv) == 0 {
		return nil, fmt.Errorf("listing the packages of %s: nothing is linked", packages)
	}
	return inv, nil
}

func (ms modules) add(listed io.Reader) error {
	dec := json.NewDecoder(listed)
	for {
		var p listedPackage
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if p.Module == nil || p.Module.Main {
			continue
		}
		m := ms[p.Module.Path]
		if m == nil {
			m = &module{path: p.Module.Path, version: p.Module.Version, dir: p.Module.Dir, files: map[string]bool{}}
			ms[m.path] = m
		}
		for _, name := range p.files() {
			rel, err := filepath.Rel(m.dir, filepath.Join(p.Dir, name))
			if err != nil {
				return fmt.Errorf("placing %s of %s: %w", name, p.ImportPath, err)
			}
			m.files[filepath.ToSlash(rel)] = true
		}
	}
}
