// Package buildcache keeps things that take minutes to get, such as a database built
// from its source, in the user's cache folder. Each is built once, by the first process
// that needs it, never visible half built, and rebuilt if it is damaged.
package buildcache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Progress receives each step in a few words, for instance the name of a package that
// is being compiled. It may be nil.
type Progress func(line string)

// Say reports a step.
func (p Progress) Say(format string, args ...any) {
	if p != nil {
		p(fmt.Sprintf(format, args...))
	}
}

// Dir returns the folder of the cache: brandpulse-connect in the user's cache folder
// (os.UserCacheDir).
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("locating the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "brandpulse-connect"), nil
}

// Step is one step of building a folder.
type Step func(ctx context.Context, dir string) error

// Get returns the folder of that name in Dir, which contains file. If it does not
// exist, Get builds it: build gets an empty folder, which is renamed to the final
// folder once build and check have returned no error. Everything that build wants to
// keep must be in it, including file.
//
// Each call compares the folder with its content when it was finished (files.go) and
// rebuilds it if it differs, for example because a file was truncated. check, which may
// be nil, decides whether a folder without such a list can be used.
//
// Processes and goroutines that request the same name at the same time wait for the
// first. The lock is the kernel's (flock), so a killed build leaves no lock; the next
// build deletes its folder.
func Get(ctx context.Context, name, file string, progress Progress, check, build Step) (string, error) {
	cache, err := Dir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, name)
	if complete(dir, file) && asFinished(dir) == nil {
		return dir, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", fmt.Errorf("creating the cache folder: %w", err)
	}

	lock := flock.New(dir + ".lock")
	// Closing unlocks. The file must stay: a process that waits for the lock of a
	// removed file would hold a lock that others do not see.
	defer lock.Close()
	got, err := lock.TryLock()
	if err == nil && !got {
		progress.Say("waiting for another process that is building %s", name)
		_, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return "", fmt.Errorf("waiting for the lock of %s: %w", dir, err)
	}
	if complete(dir, file) {
		err := asFinished(dir)
		if errors.Is(err, errNoList) { // built by an older version
			err = finish(ctx, dir, dir, check)
		}
		if err == nil { // built by the process that this one waited for
			return dir, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		progress.Say("%s in the cache is damaged and is rebuilt: %v", name, err)
	}

	unfinished := dir + ".unfinished"
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(unfinished), os.Mkdir(unfinished, 0o755)); err != nil {
		return "", fmt.Errorf("removing the folder of an interrupted build: %w", err)
	}
	if err := build(ctx, unfinished); err != nil {
		return "", errors.Join(err, os.RemoveAll(unfinished))
	}
	if !complete(unfinished, file) {
		return "", errors.Join(fmt.Errorf("building %s: it has no %s", name, file), os.RemoveAll(unfinished))
	}
	if err := finish(ctx, unfinished, dir, check); err != nil {
		return "", errors.Join(err, os.RemoveAll(unfinished))
	}
	if err := os.Rename(unfinished, dir); err != nil {
		return "", fmt.Errorf("keeping %s: %w", name, err)
	}
	return dir, nil
}

func complete(dir, file string) bool {
	info, err := os.Stat(filepath.Join(dir, file))
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}
