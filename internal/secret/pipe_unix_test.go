//go:build unix

package secret_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// If this fails, a secret's file that is a named pipe blocks the start forever without
// a message.
func TestNamedPipeIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := read(t, "token_file: "+path)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil || !strings.Contains(err.Error(), "is a named pipe: it must be a regular file") {
			t.Errorf("%v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("From waits for a writer of the pipe")
	}
}
