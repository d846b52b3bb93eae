// Package librdkafka builds a program that prints a topic as librdkafka reads it.
package librdkafka

import (
	"context"
	"crypto/sha256"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Version is that of librdkafka in the crate.
const Version = "2.12.1"

//go:embed Cargo.toml Cargo.lock src
var source embed.FS

const program = "readback"

// Get returns the path of the program, which the first call builds into the user's cache
// folder: three minutes of processor time. If cargo, make or a compiler of C and C++ is missing, the error
// is a process.MissingError.
func Get(ctx context.Context, progress buildcache.Progress) (string, error) {
	name, err := name()
	if err != nil {
		return "", err
	}
	dir, err := buildcache.Get(ctx, name, program, progress, nil, func(ctx context.Context, dir string) error {
		const purpose = "building librdkafka " + Version
		cargo, err := process.Look("cargo", purpose, "https://rustup.rs")
		if err != nil {
			return err
		}
		for _, tool := range []string{"cc", "c++", "make"} {
			if _, err := process.Look(tool, purpose, "e.g. the Debian package build-essential"); err != nil {
				return err
			}
		}
		progress.Say("building librdkafka %s from its source: one to three minutes, once", Version)
		work := filepath.Join(dir, "work")
		if err := os.CopyFS(work, source); err != nil {
			return err
		}
		target := filepath.Join(work, "target")
		if _, err := buildcache.Run(ctx, work, append(os.Environ(), "CARGO_TARGET_DIR="+target), progress, cargo, "build", "--release", "--locked"); err != nil {
			return fmt.Errorf("building librdkafka %s: %w", Version, err)
		}
		if err := os.Rename(filepath.Join(target, "release", program), filepath.Join(dir, program)); err != nil {
			return err
		}
		return os.RemoveAll(work)
	})
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, program), nil
}

// name is that of the folder: another source is another program.
func name() (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := source.ReadFile(path)
		hash.Write(text)
		return err
	})
	return fmt.Sprintf("librdkafka-%s-%.6x", Version, hash.Sum(nil)), err
}
