// Package buildcache keeps what takes minutes to get, such as a database built
// from its source, in the user's cache folder: made once, by whoever needs it
// first, never seen half made, and rebuilt when it is damaged.
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

// Progress is told each step in a few words, e.g. the name of a package that
// is being compiled. It may be nil.
type Progress func(line string)

// Say tells a step.
func (p Progress) Say(format string, args ...any) {
	if p != nil {
		p(fmt.Sprintf(format, args...))
	}
}

// Dir is the folder that everything is kept in: brandpulse-connect in the
// user's cache folder (os.UserCacheDir).
func Dir() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("looking for the user's cache folder: %w", err)
	}
	return filepath.Join(cache, "brandpulse-connect"), nil
}

// Step is one step of building a folder.
type Step func(ctx context.Context, dir string) error

// Get gives the folder of that name in Dir, which holds the file. When it is
// not there, build makes it: build is given an empty folder, which becomes the
// named one at once when neither build nor check has returned an error. What build
// wants to keep must be in there, the file among it.
//
// Each call compares the folder with what it contained when it was finished (files.go)
// and rebuilds it if it differs, for example because a file was truncated. check, which
// may be nil, decides whether a folder can be used that has no such list.
//
// Processes and goroutines that ask for the same name at the same time wait for
// the first. The lock is the kernel's (flock), so a killed build leaves none
// behind; what it had made is thrown away by the next.
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
		return "", fmt.Errorf("making the cache folder: %w", err)
	}

	lock := flock.New(dir + ".lock")
	// Closing unlocks. The file stays: a process that waits on a removed file
	// would hold a lock that others do not see.
	defer lock.Close()
	got, err := lock.TryLock()
	if err == nil && !got {
		progress.Say("waiting for another process that is getting %s", name)
		_, err = lock.TryLockContext(ctx, 200*time.Millisecond)
	}
	if err != nil {
		return "", fmt.Errorf("waiting for the lock of %s: %w", dir, err)
	}
	if complete(dir, file) {
		err := asFinished(dir)
		if errors.Is(err, errNoList) { // an older version made it
			err = finish(ctx, dir, dir, check)
		}
		if err == nil { // maybe by the process that we waited for
			return dir, nil
		}
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		progress.Say("%s in the cache is damaged and is built again: %v", name, err)
	}

	unfinished := dir + ".unfinished"
	if err := errors.Join(os.RemoveAll(dir), os.RemoveAll(unfinished), os.Mkdir(unfinished, 0o755)); err != nil {
		return "", fmt.Errorf("clearing what an interrupted build left: %w", err)
	}
	if err := build(ctx, unfinished); err != nil {
		return "", errors.Join(err, os.RemoveAll(unfinished))
	}
	if !complete(unfinished, file) {
		return "", errors.Join(fmt.Errorf("getting %s: %s is not in it", name, file), os.RemoveAll(unfinished))
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
