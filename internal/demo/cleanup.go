package demo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// folderName begins the name of a demo's folder among temporary files.
const folderName = "brandpulse-demo-"

// kept are the endings of what is worth keeping of a demo that has failed: a few
// kilobytes, where the data are hundreds of megabytes.
var kept = []string{".log", ".yaml", ".conf"}

// cleanUp removes the folder of a demo. The logs of one that has failed, or found a
// difference, are kept, and it says where.
func cleanUp(out io.Writer, dir string, failed bool) {
	err := func() error {
		if !failed {
			return os.RemoveAll(dir)
		}
		return removeData(dir)
	}()
	switch {
	case err != nil:
		fmt.Fprintf(out, "The demo's files in %s could not all be removed: %v\n", dir, err)
	case failed:
		fmt.Fprintf(out, "The logs are kept in %s; the data are removed.\n", dir)
	}
}

func removeData(dir string) error {
	errs := []error{os.RemoveAll(filepath.Join(dir, kafkaFolder))} // whose log is data
	var folders []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			folders = append(folders, path)
		case !slices.Contains(kept, filepath.Ext(path)):
			errs = append(errs, os.Remove(path))
		}
		return nil
	})
	for _, folder := range slices.Backward(folders) {
		_ = os.Remove(folder) // unless something is in it
	}
	return errors.Join(append(errs, err)...)
}
