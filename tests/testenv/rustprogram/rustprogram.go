// Package rustprogram builds programs in Rust that use librdkafka, which they compile
// from its source.
package rustprogram

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Get returns the path of the program of a crate, which the first call builds into a
// folder of the user's cache folder: three minutes of processor time. The name of the
// folder begins with name; another source is another program. If cargo, make or a compiler
// of C and C++ is missing, the error is a process.MissingError.
func Get(ctx context.Context, source fs.FS, name, program string, progress buildcache.Progress) (string, error) {
	sum, err := sumOf(source)
	if err != nil {
		return "", err
	}
	dir, err := buildcache.Get(ctx, name+"-"+sum, program, progress, nil, func(ctx context.Context, dir string) error {
		purpose := "building " + name
		cargo, err := process.Look("cargo", purpose, "https://rustup.rs")
		if err != nil {
			return err
		}
		for _, tool := range []string{"cc", "c++", "make"} {
			if _, err := process.Look(tool, purpose, "e.g. the Debian package build-essential"); err != nil {
				return err
			}
		}
		progress.Say("building %s from its source: one to three minutes, once", name)
		work := filepath.Join(dir, "work")
		if err := os.CopyFS(work, source); err != nil {
			return err
		}
		target := filepath.Join(work, "target")
		if _, err := buildcache.Run(ctx, work, append(os.Environ(), "CARGO_TARGET_DIR="+target), progress, cargo, "build", "--release", "--locked"); err != nil {
			return fmt.Errorf("building %s: %w", name, err)
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

func sumOf(source fs.FS) (string, error) {
	hash := sha256.New()
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(source, path)
		hash.Write(text)
		return err
	})
	return fmt.Sprintf("%.6x", hash.Sum(nil)), err
}
