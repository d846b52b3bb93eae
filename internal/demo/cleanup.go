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

// folderName is how the name of a demo's temporary folder begins.
const folderName = "brandpulse-demo-"

// kept are the extensions of the files of a failed demo that are worth keeping: some
// kilobytes, while the data are hundreds of megabytes.
var kept = []string{".log", ".yaml", ".conf"}

// cleanUp removes the folder of a demo. If the demo failed or found a difference, it
// keeps the logs and prints where they are.
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
	case failed && exists(dir):
		fmt.Fprintf(out, "The logs are kept in %s; the data are removed.\n", dir)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func removeData(dir string) error {
	errs := []error{os.RemoveAll(filepath.Join(dir, kafkaFolder))} // its *.log files are data
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
		_ = os.Remove(folder) // only if empty
	}
	return errors.Join(append(errs, err)...)
}
