//go:build unix

package buildcache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test binary is also the child process, which builds slowly.
const roleVariable = "BUILDCACHE_TEST_ROLE"

func TestMain(m *testing.M) {
	if os.Getenv(roleVariable) == "" {
		os.Exit(m.Run())
	}
	_, err := Get(context.Background(), "thing", "file", nil, nil, func(_ context.Context, dir string) error {
		fmt.Fprintln(os.Stderr, "built")
		if err := os.WriteFile(filepath.Join(dir, "half"), []byte("x"), 0o600); err != nil {
			return err
		}
		if os.Getenv(roleVariable) == "hang" {
			select {}
		}
		time.Sleep(100 * time.Millisecond)
		return write(dir)
	})
	if err != nil {
		panic(err)
	}
	os.Exit(0)
}

func write(dir string) error {
	return os.WriteFile(filepath.Join(dir, "file"), []byte("whole"), 0o600)
}

func emptyCache(t *testing.T) string {
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, "cache"))
	dir, err := Dir()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestConcurrentCallersBuildOnce(t *testing.T) {
	cache := emptyCache(t)
	var mu sync.Mutex
	built := 0
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			dir, err := Get(t.Context(), "thing", "file", nil, nil, func(_ context.Context, dir string) error {
				mu.Lock()
				defer mu.Unlock()
				built++
				return write(dir)
			})
			if err != nil || dir != filepath.Join(cache, "thing") {
				t.Errorf("got %s, %v", dir, err)
			}
		})
	}
	wg.Wait()
	if built != 1 {
		t.Fatalf("built %d times", built)
	}
}

func TestConcurrentProcessesBuildOnce(t *testing.T) {
	emptyCache(t)
	var mu sync.Mutex
	var out strings.Builder
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(os.Environ(), roleVariable+"=build")
			got, err := cmd.CombinedOutput()
			mu.Lock()
			defer mu.Unlock()
			out.Write(got)
			if err != nil {
				t.Errorf("%v: %s", err, got)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(out.String(), "built"); n != 1 {
		t.Fatalf("built %d times: %s", n, out.String())
	}
}

// A killed build must neither count as finished nor block the next one.
func TestKilledBuildIsDoneAgain(t *testing.T) {
	cache := emptyCache(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), roleVariable+"=hang")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	half := filepath.Join(cache, "thing.unfinished", "half")
	for range 500 {
		if _, err := os.Stat(half); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if _, err := os.Stat(half); err != nil {
		t.Fatal(err)
	}

	// While it runs, others wait, and stop waiting when their context ends.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	var said []string
	progress := func(line string) { said = append(said, line) }
	if _, err := Get(ctx, "thing", "file", progress, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatal(err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "waiting for another process") {
		t.Fatalf("reported %q", said)
	}

	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	dir, err := Get(t.Context(), "thing", "file", nil, nil, func(_ context.Context, dir string) error { return write(dir) })
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
}

// If this fails, a truncated or changed file is used forever, or an undamaged folder is
// rebuilt.
func TestDamagedFoldersAreRebuilt(t *testing.T) {
	errNotThis := errors.New("not this one")
	whole := func(_ context.Context, dir string) error {
		if b, err := os.ReadFile(filepath.Join(dir, "file")); err != nil || string(b) != "whole" {
			return errNotThis
		}
		return nil
	}
	for name, c := range map[string]struct {
		damage func(dir string) error
		built  int // builds in total
	}{
		"nothing":                   {func(string) error { return nil }, 1},
		"truncated":                 {func(dir string) error { return os.Truncate(filepath.Join(dir, "file"), 2) }, 2},
		"truncated to nothing":      {func(dir string) error { return os.Truncate(filepath.Join(dir, "file"), 0) }, 2},
		"another file is truncated": {func(dir string) error { return os.Truncate(filepath.Join(dir, "sub", "other"), 1) }, 2},
		"another file is removed":   {func(dir string) error { return os.Remove(filepath.Join(dir, "sub", "other")) }, 2},
		"changed":                   {func(dir string) error { return os.WriteFile(filepath.Join(dir, "file"), []byte("wHole"), 0o600) }, 2},
		"only touched": {func(dir string) error {
			return os.Chtimes(filepath.Join(dir, "file"), time.Unix(1, 0), time.Unix(1, 0))
		}, 1},
		"a file more":           {func(dir string) error { return os.WriteFile(filepath.Join(dir, "more"), nil, 0o600) }, 1},
		"of an older version":   {func(dir string) error { return os.Remove(listOf(dir)) }, 1},
		"the list is truncated": {func(dir string) error { return os.Truncate(listOf(dir), 10) }, 1},
		"of an older version, and truncated": {func(dir string) error {
			return errors.Join(os.Remove(listOf(dir)), os.Truncate(filepath.Join(dir, "file"), 2))
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			emptyCache(t)
			built := 0
			var said []string
			get := func() string {
				t.Helper()
				dir, err := Get(t.Context(), "thing", "file", func(line string) { said = append(said, line) }, whole, func(_ context.Context, dir string) error {
					built++
					return errors.Join(write(dir), os.Mkdir(filepath.Join(dir, "sub"), 0o700), os.WriteFile(filepath.Join(dir, "sub", "other"), []byte("other"), 0o600))
				})
				if err != nil {
					t.Fatal(err)
				}
				return dir
			}
			if err := c.damage(get()); err != nil {
				t.Fatal(err)
			}
			for range 3 {
				if err := whole(t.Context(), get()); err != nil {
					t.Fatal(err)
				}
			}
			if built != c.built || strings.Contains(strings.Join(said, " "), "damaged") != (built == 2 && name != "truncated to nothing") {
				t.Errorf("built %d times, want %d; reported %q", built, c.built, said)
			}
		})
	}
	emptyCache(t)
	_, err := Get(t.Context(), "thing", "file", nil, func(context.Context, string) error { return errNotThis }, func(_ context.Context, dir string) error { return write(dir) })
	if !errors.Is(err, errNotThis) {
		t.Errorf("a build that fails its check: %v", err)
	}
}

func TestFailedBuildLeavesNothing(t *testing.T) {
	cache := emptyCache(t)
	boom := errors.New("no compiler")
	for name, c := range map[string]struct {
		build func(context.Context, string) error
		want  string
	}{
		"build fails":      {func(_ context.Context, dir string) error { return errors.Join(write(dir), boom) }, "no compiler"},
		"file is missing":  {func(context.Context, string) error { return nil }, "it has no file"},
		"file is empty":    {func(_ context.Context, dir string) error { return os.WriteFile(filepath.Join(dir, "file"), nil, 0o600) }, "it has no file"},
		"file is a folder": {func(_ context.Context, dir string) error { return os.Mkdir(filepath.Join(dir, "file"), 0o700) }, "it has no file"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Get(t.Context(), "thing", "file", nil, nil, c.build); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatal(err)
			}
			for _, left := range []string{"thing", "thing.unfinished"} {
				if _, err := os.Stat(filepath.Join(cache, left)); !errors.Is(err, os.ErrNotExist) {
					t.Fatalf("%s exists: %v", left, err)
				}
			}
		})
	}
}

func TestRun(t *testing.T) {
	t.Run("reports lines and returns standard output", func(t *testing.T) {
		var said []string
		out, err := Run(t.Context(), "", nil, func(line string) { said = append(said, line) }, "sh", "-c", "echo one >&2; sleep 0.1; echo two")
		if err != nil || string(out) != "two\n" || len(said) != 2 || said[0] != "one" {
			t.Fatalf("out %q, reported %q, %v", out, said, err)
		}
	})
	t.Run("an error contains the output", func(t *testing.T) {
		_, err := Run(t.Context(), "", nil, nil, "sh", "-c", "echo undefined symbol >&2; exit 3")
		if err == nil || !strings.Contains(err.Error(), "exit status 3\nundefined symbol") {
			t.Fatal(err)
		}
	})
	t.Run("ends with its children when its context ends", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		// The child of sh keeps the pipe open, so Run would wait for it.
		if _, err := Run(ctx, "", nil, nil, "sh", "-c", "sleep 60; true"); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
}
