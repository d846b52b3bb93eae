package faultlab

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// diskMegabytes is more than a scenario writes in total.
const diskMegabytes = 256

// Disk is a separate file system in memory that a scenario can fill.
type Disk struct {
	Dir string
}

// newDisk mounts a disk until the test ends. That needs root: without it the test is
// skipped.
func newDisk(t testing.TB) *Disk {
	t.Helper()
	d := &Disk{Dir: t.TempDir()}
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm", diskMegabytes), "tmpfs", d.Dir).CombinedOutput()
	if err != nil {
		testenv.SkipIfMissing(t, &process.MissingError{
			Program: "the right to mount a tmpfs", For: "a disk that is full", Get: "run as root (" + strings.TrimSpace(string(out)) + ")",
		})
	}
	t.Cleanup(func() { // servers may not have closed their files yet
		if out, err := exec.Command("umount", "--lazy", d.Dir).CombinedOutput(); err != nil {
			t.Errorf("unmounting %s: %v: %s", d.Dir, err, out)
		}
	})
	return d
}

func (d *Disk) filler() string { return filepath.Join(d.Dir, "filler") }

// Fill leaves no free space on the disk.
func (d *Disk) Fill(t testing.TB) {
	t.Helper()
	f, err := os.OpenFile(d.filler(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk: %v", err)
	}
}

// Free removes the files of Fill.
func (d *Disk) Free(t testing.TB) {
	t.Helper()
	if err := os.Remove(d.filler()); err != nil {
		t.Fatal(err)
	}
}

// zeros is an endless file.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
