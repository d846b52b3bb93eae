package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
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
	build := exec.Command("go", "build", "-overlay", os.Getenv(overlayVariable), "-o", path, "./cmd/brandpulse-connect")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building the program: %w\n%s", err, out)
	}
	atExit(func(bool) { _ = os.Remove(path) })
	return path, nil
})
