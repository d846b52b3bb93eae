//go:build unix

package demo_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// startIn is start with a folder for temporary files.
func startIn(t *testing.T, temp string, args ...string) *testenv.Program {
	t.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return testenv.Start(t, testenv.Command{
		Args: append([]string{"demo", "--dashboard=false"}, args...),
		Env:  map[string]string{"XDG_CACHE_HOME": cache, "TMPDIR": temp},
	})
}

func signal(t *testing.T, p *testenv.Program, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(p.PID(), s); err != nil {
		t.Fatal(err)
	}
}

// awaitStopping waits until a demo has received a signal: two at once count as one. It
// looks often, because a demo that stops soon ends.
func awaitStopping(t *testing.T, p *testenv.Program) {
	t.Helper()
	for deadline := time.Now().Add(patience); !strings.Contains(p.Log(t), "Stopping the generator"); time.Sleep(5 * time.Millisecond) {
		if !p.Running() || time.Now().After(deadline) {
			t.Fatalf("the demo does not say that it stops:\n%s", p.Log(t))
		}
	}
}

func mustLeaveNothing(t *testing.T, p *testenv.Program, temp string) {
	t.Helper()
	if !strings.Contains(p.Log(t), temp) {
		t.Fatalf("its files are not in %s:\n%s", temp, p.Log(t))
	}
	if code := p.Wait(t, 30*time.Second); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	left, err := filepath.Glob(filepath.Join(temp, "brandpulse-demo-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("%q are left, %v, after\n%s", left, err, p.Log(t))
	}
}

// If this fails, a demo that is interrupted, or whose terminal is closed, silently
// leaves hundreds of megabytes on the disk.
func TestDemoThatIsEndedAtOnceLeavesNothing(t *testing.T) {
	for _, signals := range [][]syscall.Signal{{syscall.SIGINT, syscall.SIGINT}, {syscall.SIGHUP}} {
		t.Run(fmt.Sprint(signals), func(t *testing.T) {
			t.Parallel()
			temp := t.TempDir()
			p := startIn(t, temp, "--count", "0", "--rate", "20000")
			testenv.Eventually(t, patience, "rows of the table", func() error {
				if strings.Count(p.Log(t), "\n") < 6 {
					return io.ErrNoProgress
				}
				return nil
			})
			signal(t, p, signals[0])
			for _, s := range signals[1:] {
				awaitStopping(t, p)
				signal(t, p, s)
			}
			mustLeaveNothing(t, p, temp)
		})
	}
}

// If this fails, the numbers stop changing and the full disk is not reported.
func TestDemoSaysThatTheDiskIsFull(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", temp).CombinedOutput(); err != nil {
		testenv.SkipIfMissing(t, &process.MissingError{
			Program: "the right to mount a tmpfs", For: "a disk that is full", Get: "run as root (" + strings.TrimSpace(string(out)) + ")",
		})
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", "--lazy", temp).CombinedOutput(); err != nil {
			t.Errorf("unmounting %s: %v: %s", temp, err, out)
		}
	})
	p := startIn(t, temp, "--count", "0", "--rate", "50000")
	testenv.Eventually(t, patience, "it says so", func() error {
		if !strings.Contains(p.Log(t), "is full (") {
			return io.ErrNoProgress
		}
		return nil
	})
	signal(t, p, syscall.SIGTERM)
	awaitStopping(t, p)
	signal(t, p, syscall.SIGTERM)
	mustLeaveNothing(t, p, temp)
}

// If this fails, the demo continues without its InfluxDB, or prints a page of its log
// instead of what has happened.
func TestDemoSaysThatItsInfluxDBHasEnded(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	p := startIn(t, temp, "--count", "0", "--rate", "5000")
	awaitStored(t, p)
	killed := time.Now()
	signalChild(t, p.PID(), "influxd", syscall.SIGKILL)
	if code := p.Wait(t, 30*time.Second); code != 1 || time.Since(killed) > 10*time.Second {
		t.Errorf("exit code %d after %s, want 1 at once", code, time.Since(killed))
	}
	if !strings.Contains(p.Log(t), "InfluxDB has ended (signal: killed)") {
		t.Errorf("the end of InfluxDB is not reported:\n%s", p.Log(t))
	}
}

// signalChild sends a signal to the child process with that program name.
func signalChild(t *testing.T, parent int, program string, s syscall.Signal) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "ps", "-A", "-o", "pid=,ppid=,comm=").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		var pid, ppid int
		var name string
		if n, _ := fmt.Sscan(line, &pid, &ppid, &name); n == 3 && ppid == parent && filepath.Base(name) == program {
			if err := syscall.Kill(pid, s); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("no child %s of %d in\n%s", program, parent, out)
}

// If this fails, `demo | head -1` leaves its files behind.
func TestDemoWhoseReaderEndsLeavesNothing(t *testing.T) {
	t.Parallel()
	temp := t.TempDir()
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", `"$0" demo --dashboard=false --count 0 --rate 5000 | head -1`, testenv.Binary(t))
	c.Env = append(process.Environment(temp), "XDG_CACHE_HOME="+cache, "TMPDIR="+temp)
	out, err := c.CombinedOutput()
	left, globErr := filepath.Glob(filepath.Join(temp, "brandpulse-demo-*"))
	if err != nil || globErr != nil || len(left) > 0 || !strings.Contains(string(out), "Kafka ") {
		t.Errorf("%q are left, %v, %v, after\n%s", left, err, globErr, out)
	}
}
