package process

import (
	"fmt"
	"os"
)

// EmptyDir makes a folder for a server, or takes one that is empty. What
// another server has left would be served as if it were this one's.
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
