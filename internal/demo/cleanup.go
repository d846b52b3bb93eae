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

// folderName is the beginning of the name of a demo's temporary folder.
const folderName = "brandpulse-demo-"

// kept are the extensions of the files to keep of a failed demo: some kilobytes of
// logs, without the hundreds of megabytes of data.
var kept = []string{".log", ".yaml", ".conf"}

// cleanUp removes the folder of a demo. If the demo failed or found a difference, it
// keeps the logs and prints their folder.
func cleanUp(out io.Writer, dir string, failed bool) {
	err := func() error {
		if !failed {
			return os.RemoveAll(dir)
		}
		return removeData(dir)
	}()
	switch {
	case err != nil:
		fmt.Fprintf(out, "Removing the demo's files in %s failed: %v. Remove the folder yourself.\n", dir, err)
	case failed && exists(dir):
		fmt.Fprintf(out, "The logs are in %s. The data was removed.\n", dir)
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
		_ = os.Remove(folder) // fails unless it is empty
	}
	return errors.Join(append(errs, err)...)
}
