//go:build unix

package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The test binary is also the child: these are its roles.
const roleVariable = "PROCESS_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case "":
		os.Exit(m.Run())
	case "ticks": // prints a number every 10 ms
		for i := 0; ; i++ {
			fmt.Println(i)
			time.Sleep(10 * time.Millisecond)
		}
	case "ends": // prints something and ends
		fmt.Println("one\ntwo\ncannot go on")
		os.Exit(7)
	case "stubborn": // does not end on SIGTERM
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("started")
		select {}
	case "parent": // starts a child, prints its id and is killed
		c, err := Start(Command{Path: os.Args[0], Env: []string{roleVariable + "=ticks"}, Log: os.Args[1]})
		if err != nil {
			panic(err)
		}
		fmt.Println(c.PID())
		select {}
	}
}

func child(t *testing.T, role string) *Process {
	t.Helper()
	p, err := Start(Command{Path: os.Args[0], Env: []string{roleVariable + "=" + role}, Log: filepath.Join(t.TempDir(), "log")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Kill() })
	return p
}

// ticked waits until the child has printed more than before.
func ticked(p *Process) error {
	before := p.Tail(1)
	for range 200 {
		time.Sleep(10 * time.Millisecond)
		if p.Tail(1) != before {
			return nil
		}
	}
	return errors.New("the child does not run")
}

func TestPausedChildStopsAndResumes(t *testing.T) {
	p := child(t, "ticks")
	if err := ticked(p); err != nil {
		t.Fatal(err)
	}
	if err := p.Pause(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(50 * time.Millisecond) // the line in progress is written
	before := p.Tail(1)
	time.Sleep(200 * time.Millisecond)
	if after := p.Tail(1); after != before {
		t.Fatalf("printed from %s to %s while paused", before, after)
	}
	if !p.Running() {
		t.Fatal("a paused child has ended")
	}
	if err := p.Resume(); err != nil {
		t.Fatal(err)
	}
	if err := ticked(p); err != nil {
		t.Fatal(err)
	}
}

func TestKillAndStopEvenWhenPaused(t *testing.T) {
	for name, end := range map[string]func(*Process) error{
		"kill": (*Process).Kill,
		"stop": func(p *Process) error { return p.Stop(10 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			p := child(t, "ticks")
			if err := p.Pause(); err != nil {
				t.Fatal(err)
			}
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			if p.Running() {
				t.Fatal("still running")
			}
			// A second call is not an error; pausing an ended child is one.
			if err := end(p); err != nil {
				t.Fatal(err)
			}
			if err := p.Pause(); !errors.Is(err, os.ErrProcessDone) {
				t.Fatalf("pausing gave %v", err)
			}
			if code, err := p.Wait(t.Context()); err != nil || code != -1 {
				t.Fatalf("exit code %d, %v", code, err)
			}
		})
	}
}

func TestStopKillsAndReportsAStubbornChild(t *testing.T) {
	p := child(t, "stubborn")
	if err := p.Await(t.Context(), func(context.Context) error {
		if p.Tail(1) != "started" {
			return errors.New("not started")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	err := p.Stop(100 * time.Millisecond)
	if err == nil || !strings.Contains(err.Error(), "still running after 100ms") {
		t.Fatal(err)
	}
	if p.Running() {
		t.Fatal("still running")
	}
}

func TestAwait(t *testing.T) {
	t.Run("the error about an ended child contains its log", func(t *testing.T) {
		p := child(t, "ends")
		err := p.Await(t.Context(), func(context.Context) error { return errors.New("connection refused") })
		if err == nil || !strings.Contains(err.Error(), "exit status 7") || !strings.Contains(err.Error(), "cannot go on") {
			t.Fatal(err)
		}
		if code, err := p.Wait(t.Context()); err != nil || code != 7 {
			t.Fatalf("exit code %d, %v", code, err)
		}
	})
	t.Run("the error about a late child contains the last response", func(t *testing.T) {
		p := child(t, "ticks")
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		refused := errors.New("connection refused")
		if err := p.Await(ctx, func(context.Context) error { return refused }); !errors.Is(err, refused) || !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
	})
	t.Run("ready at the third attempt", func(t *testing.T) {
		p, asked := child(t, "ticks"), 0
		err := p.Await(t.Context(), func(context.Context) error {
			if asked++; asked < 3 {
				return errors.New("not yet")
			}
			return nil
		})
		if err != nil || asked != 3 {
			t.Fatalf("%d attempts, %v", asked, err)
		}
	})
}

func TestChildDiesWithItsParent(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("the parent-death signal is Linux's")
	}
	parent := exec.Command(os.Args[0], filepath.Join(t.TempDir(), "log"))
	parent.Env = []string{roleVariable + "=parent"}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(100 * time.Millisecond)
	if err := syscall.Kill(pid, 0); err != nil {
		t.Fatalf("the grandchild does not run: %v", err)
	}
	_ = parent.Process.Kill()
	_ = parent.Wait()
	for range 200 {
		// It has ended, or waits for init to reap it.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(stat), ") Z ") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	t.Fatal("the grandchild outlived its parent")
}

func TestFreePortsDifferAndCanBeBound(t *testing.T) {
	ports, err := FreePorts(20)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[int]bool{}
	for _, port := range ports {
		if seen[port] {
			t.Fatalf("port %d twice", port)
		}
		seen[port] = true
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := CheckFree(port); !errors.Is(err, syscall.EADDRINUSE) {
			t.Fatalf("the taken port %d: %v", port, err)
		}
	}
}

func TestPeakRSS(t *testing.T) {
	p := child(t, "ticks")
	if err := ticked(p); err != nil {
		t.Fatal(err)
	}
	peak, err := p.PeakRSS()
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip(err)
	}
	if err != nil || peak < 1<<20 || peak > 1<<30 {
		t.Fatalf("peak %d, %v", peak, err)
	}
}

func TestLookNamesTheMissingProgram(t *testing.T) {
	_, err := Look("no-such-program", "cooking", "https://example.com")
	var missing *MissingError
	if !errors.As(err, &missing) || err.Error() != "cooking needs no-such-program, which is not installed (https://example.com)" {
		t.Fatal(err)
	}
}

func TestTailGivesTheLastLines(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, []byte("one\ntwo\nthree\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for n, want := range map[int]string{1: "three", 2: "two\nthree", 9: "one\ntwo\nthree"} {
		if got := Tail(path, n); got != want {
			t.Fatalf("the last %d lines are %q", n, got)
		}
	}
}
