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

// listOf is where it is kept what a finished folder holds: beside it, since what is
// in it is the builder's.
func listOf(dir string) string { return dir + ".files.json" }

// fileState is what a file was when its folder was finished.
type fileState struct {
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
	SHA256   string    `json:"sha256"`
}

var errNoList = errors.New("nothing is known of what it held at first")

// finish checks the folder built, and keeps what it holds as that of dir, which it
// is or will be.
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
		return fmt.Errorf("reading what %s holds: %w", built, err)
	}
	text, err := json.MarshalIndent(files, "", "  ")
	if err != nil {
		return err
	}
	// Not written in place: half a list would pass for damage.
	part := listOf(dir) + ".part"
	if err := errors.Join(os.WriteFile(part, text, 0o600), os.Rename(part, listOf(dir))); err != nil {
		return fmt.Errorf("keeping what %s holds: %w", dir, err)
	}
	return nil
}

// asFinished gives an error unless all files of a folder are what they were when it
// was finished. A file is only read where its time is another one: reading all of
// them at each start of a server would cost more than it finds.
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
		return fileState{}, fmt.Errorf("%s is no file any more", path)
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
