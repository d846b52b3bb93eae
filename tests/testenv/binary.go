package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gofrs/flock"
)

// Root is the folder of the checkout, which holds config/.
func Root(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// moduleRoot asks for the module by name: tests that lie in a module of their
// own find the same folder.
var moduleRoot = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/brandpulse/brandpulse-connect").Output()
	if err != nil {
		return "", fmt.Errorf("looking for the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// overlayVariable names a file for `go build -overlay`, which makes the program
// break a rule, to see whether a test notices.
const overlayVariable = "BRANDPULSE_TEST_OVERLAY"

// Binary builds brandpulse-connect, once in a process, with the overlay of the
// environment.
func Binary(t testing.TB) string {
	t.Helper()
	skipShort(t)
	newDir(t, "") // checks TestMain
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if overlay := os.Getenv(overlayVariable); overlay != "" {
		t.Logf("the program is built with the overlay %s (%s)", overlay, overlayVariable)
	}
	return path
}

var binary = sync.OnceValues(func() (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	path := filepath.Join(scratch.dir, "brandpulse-connect")
	atExit(func(bool) { _ = os.Remove(path) })
	if overlay := os.Getenv(overlayVariable); overlay != "" {
		return path, build(root, path, "-overlay", overlay)
	}
	return path, buildOnce(root, path)
})

// buildOnce builds bin/brandpulse-connect, as `make build` does, and links it to path.
// Go links a program anew in each folder, for seconds, and finds one that is up to
// date in a fraction of one: packages of tests that run one after the other share it.
// A later build makes another file and leaves what path names as it is.
func buildOnce(root, path string) error {
	shared := filepath.Join(root, "bin", "brandpulse-connect")
	if err := os.MkdirAll(filepath.Dir(shared), 0o755); err != nil {
		return err
	}
	lock := flock.New(shared + ".lock")
	defer lock.Close() // unlocks
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("waiting for another build of the program: %w", err)
	}
	if err := build(root, shared); err != nil {
		return err
	}
	if os.Link(shared, path) == nil {
		return nil
	}
	program, err := os.ReadFile(shared) // path is on another disk
	if err != nil {
		return err
	}
	return os.WriteFile(path, program, 0o755)
}

func build(root, path string, flags ...string) error {
	command := exec.Command("go", slices.Concat([]string{"build"}, flags, []string{"-o", path, "./cmd/brandpulse-connect"})...)
	command.Dir = root
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("building the program: %w\n%s", err, out)
	}
	return nil
}
