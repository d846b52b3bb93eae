// Package testenv is where tests ask for what they run against: real Kafka and
// InfluxDB, a Kafka in this process, and our own program. What is started is
// stopped again; the logs of a failed test are kept and named.
//
// Servers that a test does not stop itself are shared by the tests of a
// process. Such a package has
//
//	func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }
//
// Environment variables:
//   - BRANDPULSE_TEST_NOTHING_SKIPPED=1: what this machine lacks fails a test
//     instead of skipping it;
//   - BRANDPULSE_TEST_SKIPS: a file that gets a line for each skip;
//   - BRANDPULSE_TEST_FULL=1: both versions of InfluxDB everywhere, and the long
//     runs.
//
// With `go test -short` every test that starts a server or our program is
// skipped.
package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

const (
	nothingSkippedVariable = "BRANDPULSE_TEST_NOTHING_SKIPPED"
	skipsVariable          = "BRANDPULSE_TEST_SKIPS"
	fullVariable           = "BRANDPULSE_TEST_FULL"
)

// Full reports whether the long tests are enabled.
func Full() bool { return os.Getenv(fullVariable) == "1" }

// scratch is the folder of the process whose tests Main runs.
var scratch struct {
	dir    string
	number atomic.Int64

	mu     sync.Mutex
	atExit []func(failed bool)
}

// Main runs the tests, then stops the shared servers.
func Main(m *testing.M) (code int) {
	dir, err := os.MkdirTemp("", "brandpulse-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, "creating a folder for the servers of the tests:", err)
		return 1
	}
	scratch.dir = dir
	code = m.Run()
	for _, stop := range scratch.atExit {
		stop(code != 0)
	}
	// Fails on purpose if a log was kept.
	_ = os.Remove(dir)
	return code
}

// newDir returns the name of a new folder in scratch.
func newDir(t testing.TB, name string) string {
	t.Helper()
	if scratch.dir == "" {
		t.Fatal("TestMain of this package does not call testenv.Main")
	}
	return filepath.Join(scratch.dir, fmt.Sprintf("%s-%d", name, scratch.number.Add(1)))
}

// keepLog removes a server's folder. After a failure it keeps the log beside it and
// returns its path.
func keepLog(dir, log string, failed bool) (kept string) {
	if failed {
		kept = dir + ".log"
		if os.Rename(log, kept) != nil {
			kept = ""
		}
	}
	_ = os.RemoveAll(dir)
	return kept
}

// atExit registers a function that Main calls after the tests.
func atExit(f func(failed bool)) {
	scratch.mu.Lock()
	defer scratch.mu.Unlock()
	scratch.atExit = append(scratch.atExit, f)
}

// startOwn starts a server for one test, which ends with the test.
func startOwn[S server](t testing.TB, name string, start func(ctx context.Context, dir string) (S, error)) S {
	t.Helper()
	skipShort(t)
	dir := newDir(t, name)
	s, err := start(t.Context(), dir)
	if err != nil {
		_ = os.RemoveAll(dir) // the end of the log is in the error
		SkipIfMissing(t, err)
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
		tail := process.Tail(s.LogPath(), 15)
		if kept := keepLog(dir, s.LogPath(), t.Failed()); kept != "" {
			t.Logf("the end of %s:\n%s", kept, tail)
		}
	})
	return s
}

type server interface {
	Stop() error
	LogPath() string
}

// shared is a server for all tests of the process, started by the first one that needs
// it. A failed start is not repeated, since it may have taken minutes.
type shared[S server] struct {
	name  string
	start func(ctx context.Context, dir string) (S, error)

	once   sync.Once
	server S
	err    error
}

func (s *shared[S]) get(t testing.TB) S {
	t.Helper()
	skipShort(t)
	dir := newDir(t, s.name)
	s.once.Do(func() {
		// Not the context of the test: the server outlives it.
		s.server, s.err = s.start(context.Background(), dir)
		if s.err != nil {
			_ = os.RemoveAll(dir)
			return
		}
		atExit(func(failed bool) {
			if err := s.server.Stop(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
			if kept := keepLog(dir, s.server.LogPath(), failed); kept != "" {
				fmt.Fprintln(os.Stderr, "the log of a shared server:", kept)
			}
		})
	})
	if s.err != nil {
		SkipIfMissing(t, s.err)
		t.Fatal(s.err)
	}
	return s.server
}

func skipShort(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("starts programs, and -short is set")
	}
}

// SkipIfMissing skips the test if err means that a program is not installed, and
// records that for the end of the whole run. If nothing may be skipped, it fails the
// test. Any other error is left to the caller.
func SkipIfMissing(t testing.TB, err error) {
	t.Helper()
	var missing *process.MissingError
	if !errors.As(err, &missing) {
		return
	}
	if os.Getenv(nothingSkippedVariable) == "1" {
		t.Fatalf("%v, and %s is set", err, nothingSkippedVariable)
	}
	if path := os.Getenv(skipsVariable); path != "" {
		if err := writeLine(path, err.Error()); err != nil {
			t.Fatalf("recording a skip: %v", err)
		}
	}
	t.Skip(err)
}

// writeLine appends a line. Lines of several processes do not mix.
func writeLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.ReplaceAll(line, "\n", " ") + "\n")
	return errors.Join(err, f.Close())
}

// Eventually calls f every 100 ms until it returns no error, and fails the test with
// the last error when the time is over.
func Eventually(t testing.TB, timeout time.Duration, what string, ask func() error) {
	t.Helper()
	deadline := time.Now().Add(timeout)
	for {
		err := ask()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %s: %v", what, timeout, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// freshName returns a new name for a topic or bucket, derived from the test's name.
func freshName(t testing.TB) string {
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, t.Name())
	return fmt.Sprintf("%.80s-%d", name, scratch.number.Add(1))
}
