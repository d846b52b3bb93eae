package buildcache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// listOf returns the path of the list of a finished folder's files. It is beside the
// folder, whose content is the builder's.
func listOf(dir string) string { return dir + ".files.json" }

// fileState describes a file when its folder was finished.
type fileState struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

var errNoList = errors.New("it has no list of files")

// finish checks the folder built and writes the list of its files, as the list of dir,
// which built is or will become.
func finish(ctx context.Context, built, dir string, check Step) error {
	if check != nil {
		if err := check(ctx, built); err != nil {
			return err
		}
	}
	files := map[string]fileState{}
	err := filepath.WalkDir(built, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		state, err := stateOf(path)
		if err != nil {
			return err
		}
		state.SHA256, err = sumOf(path)
		name, relErr := filepath.Rel(built, path)
		files[filepath.ToSlash(name)] = state
		return errors.Join(err, relErr)
	})
	if err != nil {
		return fmt.Errorf("listing the files of %s: %w", built, err)
	}
	text, err := json.MarshalIndent(files, "", "  ")
	if err != nil {
		return err
	}
	// Renamed into place, so that no process reads half a list.
	part := listOf(dir) + ".part"
	if err := errors.Join(os.WriteFile(part, text, 0o600), os.Rename(part, listOf(dir))); err != nil {
		return fmt.Errorf("writing the list of the files of %s: %w", dir, err)
	}
	return nil
}

// asFinished returns an error unless all files of a folder are as they were when it was
// finished. It hashes a file only if its modification time has changed: hashing all
// files at each start of a server would cost more than it finds.
func asFinished(dir string) error {
	text, err := os.ReadFile(listOf(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return errNoList
	}
	if err != nil {
		return err
	}
	var files map[string]fileState
	if err := json.Unmarshal(text, &files); err != nil || len(files) == 0 {
		return errNoList
	}
	for name, want := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		got, err := stateOf(path)
		switch {
		case err != nil:
			return err
		case got.Size != want.Size:
			return fmt.Errorf("%s has %d bytes, not %d", path, got.Size, want.Size)
		case got.Modified.Equal(want.Modified):
			continue
		}
		if got.SHA256, err = sumOf(path); err != nil {
			return err
		}
		if got.SHA256 != want.SHA256 {
			return fmt.Errorf("%s was changed at %s", path, got.Modified.Format(time.RFC3339))
		}
	}
	return nil
}

func stateOf(path string) (fileState, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return fileState{}, err
	}
	if !info.Mode().IsRegular() {
		return fileState{}, fmt.Errorf("%s is no longer a file", path)
	}
	return fileState{Size: info.Size(), Modified: info.ModTime().UTC()}, nil
}

func sumOf(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
