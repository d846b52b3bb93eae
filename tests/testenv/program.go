package testenv

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Command says how to run brandpulse-connect, or another program beside it.
type Command struct {
	// Path of the program; empty for the brandpulse-connect of this checkout.
	Path string
	// Config is run; a path is relative to Root. When it is empty, Args are the
	// whole command line.
	Config string
	// Args come between `run` and the configuration, e.g. --set, output.x=1.
	Args []string
	// Env is the environment, beside PATH and the like: nothing of the user's
	// shell gets in.
	Env map[string]string
}

// Program is a run of brandpulse-connect, or of another program.
type Program struct {
	address string // of its HTTP server
	// pipeline says that it runs a configuration.
	pipeline bool
	paused   bool
	command  process.Command
	child    *process.Process
	peak     int64 // of runs that have ended
}

// Start starts the program, which ends with the test at the latest. Its
// HTTP server gets a free port. The end of what it printed is shown when the
// test fails.
func Start(t testing.TB, c Command) *Program {
	t.Helper()
	path := c.Path
	if path == "" {
		path = Binary(t)
	}
	ports, err := process.FreePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	dir := newDir(t, "program")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &Program{address: fmt.Sprintf("127.0.0.1:%d", ports[0]), pipeline: c.Config != ""}
	p.command = process.Command{
		Path: path,
		Args: c.Args,
		Dir:  Root(t),
		Env:  process.Environment(dir),
		Log:  filepath.Join(dir, "log"),
	}
	if c.Config != "" {
		p.command.Args = slices.Concat([]string{"run", "--set", "http.address=" + p.address}, c.Args, []string{c.Config})
	}
	for name, value := range c.Env {
		p.command.Env = append(p.command.Env, name+"="+value)
	}
	t.Cleanup(func() {
		_ = p.child.Kill()
		tail := process.Tail(p.command.Log, 30)
		if kept := keepLog(dir, p.command.Log, t.Failed()); kept != "" {
			t.Logf("the end of %s:\n%s", kept, tail)
		}
	})
	p.start(t)
	return p
}

func (p *Program) start(t testing.TB) {
	t.Helper()
	child, err := process.Start(p.command)
	if err != nil {
		t.Fatal(err)
	}
	p.child, p.paused = child, false
}

// Restart starts the program again, after Kill, Stop or its own end, with the
// same command line and environment. Its log goes on.
func (p *Program) Restart(t testing.TB) {
	t.Helper()
	if p.child.Running() {
		t.Fatal("the program still runs")
	}
	p.start(t)
}

// Address is that of the program's HTTP server, HOST:PORT.
func (p *Program) Address() string { return p.address }

// PID is the number of the process; another one after a Restart.
func (p *Program) PID() int { return p.child.PID() }

// Running tells whether the program has not ended.
func (p *Program) Running() bool { return p.child.Running() }

// Wait waits until the program ends by itself and gives its exit code.
func (p *Program) Wait(t testing.TB, timeout time.Duration) (code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	code, err := p.child.Wait(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// Stop asks the program to end (SIGTERM) and gives its exit code. It is an
// error if it takes longer than a minute.
func (p *Program) Stop(t testing.TB) (code int) {
	t.Helper()
	p.awaitSignals()
	_ = p.notePeak() // it may have ended, or the system does not tell
	if err := p.child.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	return p.Wait(t, time.Second)
}

// awaitSignals waits until a pipeline that has just been started takes signals: before
// that SIGTERM ends it with another exit code, which on a busy machine failed tests
// that stop what they restarted a second ago.
func (p *Program) awaitSignals() {
	if !p.pipeline || p.paused {
		return
	}
	for deadline := time.Now().Add(30 * time.Second); p.Running() && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		response, err := quick.Get("http://" + p.address + "/ready")
		if err != nil {
			continue
		}
		response.Body.Close()
		if response.StatusCode != http.StatusNotFound { // the stream is there, connected or not
			return
		}
	}
}

// quick gives up on a program that does not answer.
var quick = &http.Client{Timeout: time.Second}

// Kill ends the program as a crash would (SIGKILL).
func (p *Program) Kill(t testing.TB) {
	t.Helper()
	_ = p.notePeak() // it may have ended, or the system does not tell
	if err := p.child.Kill(); err != nil {
		t.Fatal(err)
	}
}

// Pause freezes the program (SIGSTOP).
func (p *Program) Pause(t testing.TB) {
	t.Helper()
	if err := p.child.Pause(); err != nil {
		t.Fatal(err)
	}
	p.paused = true
}

// Resume lets a paused program go on (SIGCONT).
func (p *Program) Resume(t testing.TB) {
	t.Helper()
	if err := p.child.Resume(); err != nil {
		t.Fatal(err)
	}
	p.paused = false
}

// Log is all that the program has printed, in all its runs.
func (p *Program) Log(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(p.command.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// PeakRSS gives the most memory that any of its runs has held, in bytes. A run
// is measured when it is stopped or killed, and while it goes on; one that ended
// by itself is not.
func (p *Program) PeakRSS(t testing.TB) int64 {
	t.Helper()
	if p.child.Running() {
		if err := p.notePeak(); err != nil {
			t.Fatal(err)
		}
	}
	if p.peak == 0 {
		t.Fatal("the memory of the program was never measured")
	}
	return p.peak
}

func (p *Program) notePeak() error {
	peak, err := p.child.PeakRSS()
	p.peak = max(p.peak, peak)
	return err
}
