// Package influxd gets, starts and stops real InfluxDB servers, for the demo and the
// tests. A server listens on 127.0.0.1 only.
package influxd

import (
	"context"
	"debug/elf"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// The versions that Get supports, the last releases of their lines that can be built
// from Go modules.
const (
	V1 = "1.8.10" // pure Go
	V2 = "2.7.12" // its Flux engine is written in Rust
)

// PackagesV1 is about how many packages a build of V1 compiles, not counting the
// standard library.
const PackagesV1 = 375

// Versions are all supported versions.
var Versions = []string{V1, V2}

// Get returns the path of influxd of that version. The first call builds it from its
// source into the user's cache folder. progress, which may be nil, receives the steps
// and then each package that is compiled.
//
// If a program that the build needs is missing, the error is a process.MissingError.
// Concurrent calls, in any number of processes, build once.
func Get(ctx context.Context, version string, progress buildcache.Progress) (path string, err error) {
	var build func(ctx context.Context, dir string, progress buildcache.Progress) error
	switch version {
	case V1:
		build = buildV1
	case V2:
		build = buildV2
	default:
		return "", fmt.Errorf("getting InfluxDB %s: unknown version, choose from %s", version, strings.Join(Versions, " and "))
	}
	dir, err := buildcache.Get(ctx, "influxd-"+version, program, progress, try(version), func(ctx context.Context, dir string) error {
		if err := build(ctx, dir, progress); err != nil {
			return fmt.Errorf("building InfluxDB %s: %w", version, err)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, program), nil
}

// try returns a step that checks that the program in a folder is complete and has that
// version.
func try(version string) buildcache.Step {
	return func(ctx context.Context, dir string) error {
		path := filepath.Join(dir, program)
		if err := whole(path); err != nil {
			return fmt.Errorf("trying the InfluxDB that was built: %w", err)
		}
		out, err := buildcache.Run(ctx, dir, nil, nil, path, "version")
		if err != nil {
			return fmt.Errorf("trying the InfluxDB that was built: %w", err)
		}
		if !strings.Contains(string(out), "v"+version+" ") {
			return fmt.Errorf("trying the InfluxDB that was built: it reports %q, not %s", out, version)
		}
		return nil
	}
}

// whole returns an error if a Linux program is truncated: such a program can print its
// version and crash later.
func whole(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	var magic [len(elf.ELFMAG)]byte
	if _, err := f.ReadAt(magic[:], 0); err != nil || string(magic[:]) != elf.ELFMAG {
		return nil // not an ELF file: running it shows whether it works
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	program, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for _, segment := range program.Progs {
		if end := segment.Off + segment.Filesz; end > uint64(info.Size()) {
			return fmt.Errorf("%s has %d bytes instead of at least %d", path, info.Size(), end)
		}
	}
	return nil
}

var program = map[bool]string{true: "influxd.exe", false: "influxd"}[runtime.GOOS == "windows"]

// linked returns the linker flags that remove the symbol table and set the version, as
// InfluxDB's release scripts do: 1.8 puts a v before it, 2.7 does not.
func linked(version string) []string {
	return []string{"-v", "-ldflags", "-s -w -X main.version=" + version}
}

func buildV1(ctx context.Context, dir string, progress buildcache.Progress) error {
	golang, err := process.Look("go", "building InfluxDB "+V1, "https://go.dev/dl")
	if err != nil {
		return err
	}
	progress.Say("building InfluxDB %s from its source: one to three minutes, once", V1)
	// Built with the flags that brandpulse-connect itself is usually built with, so
	// that the standard library is in Go's cache: that saves a third of the work. With
	// -trimpath, or without cgo on a machine with a C compiler, all of it is compiled
	// again.
	args := append([]string{"install"}, linked(V1)...)
	_, err = buildcache.Run(ctx, dir, buildcache.GoEnvironment("GOBIN="+dir), progress,
		golang, append(args, "github.com/influxdata/influxdb/cmd/influxd@v"+V1)...)
	return err
}

// buildV2 builds in a copy of the module, because the helper that builds the Rust part
// looks for the main module in the parent folders.
func buildV2(ctx context.Context, dir string, progress buildcache.Progress) error {
	const purpose = "building InfluxDB " + V2
	golang, err := process.Look("go", purpose, "https://go.dev/dl")
	if err != nil {
		return err
	}
	if _, err := process.Look("cargo", purpose, "https://rustup.rs"); err != nil {
		return err
	}
	compiler := "cc"
	if fields := strings.Fields(os.Getenv("CC")); len(fields) > 0 {
		compiler = fields[0]
	}
	if _, err := process.Look(compiler, purpose, "a C compiler, e.g. gcc"); err != nil {
		return err
	}
	progress.Say("building InfluxDB %s from its source: four to eight minutes, once", V2)

	work := filepath.Join(dir, "work")
	source := filepath.Join(work, "source")
	if err := copyModule(ctx, golang, work, source); err != nil {
		return err
	}
	// A private build cache: the helper leaves 450 MB of Rust in it, and would use the
	// incomplete copy of an interrupted run forever.
	env := buildcache.GoEnvironment("GOBIN="+work, "GOCACHE="+filepath.Join(work, "cache"), "CGO_ENABLED=1")
	if _, err := buildcache.Run(ctx, work, env, progress, golang, "install", "github.com/influxdata/pkg-config@v0.2.14"); err != nil {
		return err
	}
	rust, err := rustEnvironment(ctx, work)
	if err != nil {
		return err
	}
	env = append(env, rust...)
	env = append(env, "PKG_CONFIG="+filepath.Join(work, "pkg-config"))
	args := append([]string{"build", "-trimpath", "-tags", "sqlite_foreign_keys,sqlite_json", "-o", filepath.Join(dir, program)}, linked("v"+V2)...)
	if _, err := buildcache.Run(ctx, source, env, progress, golang, append(args, "./cmd/influxd")...); err != nil {
		return err
	}
	return os.RemoveAll(work)
}

func copyModule(ctx context.Context, golang, work, source string) error {
	if err := os.Mkdir(work, 0o755); err != nil {
		return err
	}
	out, err := buildcache.Run(ctx, work, buildcache.GoEnvironment(), nil, golang, "mod", "download", "-json", "github.com/influxdata/influxdb/v2@v"+V2)
	if err != nil {
		return err
	}
	var module struct{ Dir string }
	if err := json.Unmarshal(out, &module); err != nil {
		return fmt.Errorf("reading the path of the module: %w", err)
	}
	return os.CopyFS(source, os.DirFS(module.Dir))
}

// rustEnvironment makes the Rust part, which is from 2023, build with the installed
// compiler. By default its build turns warnings into errors, some of which are new in
// later compilers, and asks rustup for a compiler and five targets.
func rustEnvironment(ctx context.Context, work string) ([]string, error) {
	wrapper := filepath.Join(work, "rustc-wrapper")
	if err := os.WriteFile(wrapper, []byte("#!/bin/sh\nexec \"$@\" --cap-lints allow\n"), 0o755); err != nil {
		return nil, err
	}
	env := []string{"RUSTC_WRAPPER=" + wrapper}
	rustup, err := process.Look("rustup", "", "")
	if missing := (*process.MissingError)(nil); errors.As(err, &missing) || os.Getenv("RUSTUP_TOOLCHAIN") != "" {
		return env, nil // there is only one cargo, or the user has chosen one
	}
	out, err := buildcache.Run(ctx, work, nil, nil, rustup, "show", "active-toolchain")
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	return append(env, "RUSTUP_TOOLCHAIN="+name), nil
}
