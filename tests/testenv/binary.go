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

// Root returns the folder of the checkout, which contains config/.
func Root(t testing.TB) string {
	t.Helper()
	root, err := moduleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// moduleRoot looks the module up by name, so that tests in modules of their own find
// the same folder.
var moduleRoot = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/brandpulse/brandpulse-connect").Output()
	if err != nil {
		return "", fmt.Errorf("locating the module: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
})

// overlayVariable names a file for `go build -overlay`, which makes the program
// break a rule, to see whether a test notices.
const overlayVariable = "BRANDPULSE_TEST_OVERLAY"

// Binary builds brandpulse-connect, once per process, with the overlay of the
// environment.
func Binary(t testing.TB) string {
	t.Helper()
	skipShort(t)
	newDir(t, "") // checks that TestMain calls Main
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
// Go takes seconds to link a program in a new folder, and a fraction of one to find it
// up to date, so packages of tests that run one after the other share it. A later build
// creates another file and leaves path unchanged.
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
