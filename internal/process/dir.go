package process

import (
	"fmt"
	"os"
)

// EmptyDir creates a folder for a server, or accepts an empty one. Otherwise the server
// would serve the files of another one.
func EmptyDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) > 0 {
		err = fmt.Errorf("%s is not empty", dir)
	}
	return err
}
