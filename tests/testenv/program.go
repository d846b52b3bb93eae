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

// Command is the command line of brandpulse-connect or another program.
type Command struct {
	// Path of the program; empty for the brandpulse-connect of this checkout.
	Path string
	// Config is run. A path is relative to Root. If it is empty, Args are the whole
	// command line.
	Config string
	// Args are inserted between `run` and the configuration, e.g. --set, output.x=1.
	Args []string
	// Env is the environment, besides PATH and the like. Variables of the user's shell
	// are not passed on, and the servers of a pipeline are Nowhere by default.
	Env map[string]string
}

// Program is a run of brandpulse-connect, or of another program.
type Program struct {
	address string // of its HTTP server
	// pipeline is true if it runs a configuration.
	pipeline bool
	paused   bool
	command  process.Command
	child    *process.Process
	peak     int64 // of runs that have ended
}

// Nowhere returns the variables of servers that do not exist. A shipped pipeline without
// them writes to the default ports of this machine, where a user's own servers may be.
func Nowhere() []string {
	return []string{"KAFKA_BROKERS=127.0.0.1:9", "TARGET_BROKERS=127.0.0.1:9", "INFLUXDB_URL=http://127.0.0.1:9"}
}

// Start starts the program, which ends with the test at the latest. Its HTTP server
// gets a free port. If the test fails, the end of the program's output is shown.
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
	if p.pipeline || len(c.Args) > 0 && c.Args[0] == "run" {
		p.command.Env = append(p.command.Env, Nowhere()...) // unless c.Env has others
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

// Restart starts the program again, after Kill, Stop or its own end, with the same
// command line, environment and log.
func (p *Program) Restart(t testing.TB) {
	t.Helper()
	if p.child.Running() {
		t.Fatal("the program is still running")
	}
	p.start(t)
}

// Address returns the address of the program's HTTP server, HOST:PORT.
func (p *Program) Address() string { return p.address }

// PID returns the id of the process; it changes with a Restart.
func (p *Program) PID() int { return p.child.PID() }

// Running reports whether the program runs.
func (p *Program) Running() bool { return p.child.Running() }

// Wait waits until the program ends and returns its exit code.
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

// Stop ends the program with SIGTERM and returns its exit code. The test fails if that
// takes longer than a minute.
func (p *Program) Stop(t testing.TB) (code int) {
	t.Helper()
	p.awaitSignals()
	_ = p.notePeak() // it may have ended, or the system cannot tell
	if err := p.child.Stop(time.Minute); err != nil {
		t.Fatal(err)
	}
	return p.Wait(t, time.Second)
}

// awaitSignals waits until a newly started pipeline handles signals. Before that,
// SIGTERM ends it with another exit code, which on a busy machine failed tests that
// stop a program they have just restarted.
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
		if response.StatusCode != http.StatusNotFound { // the stream exists, connected or not
			return
		}
	}
}

// quick gives up soon on a program that does not respond.
var quick = &http.Client{Timeout: time.Second}

// Kill ends the program as a crash would (SIGKILL).
func (p *Program) Kill(t testing.TB) {
	t.Helper()
	_ = p.notePeak() // it may have ended, or the system cannot tell
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

// Log returns the output of the program, in all its runs.
func (p *Program) Log(t testing.TB) string {
	t.Helper()
	log, err := os.ReadFile(p.command.Log)
	if err != nil {
		t.Fatal(err)
	}
	return string(log)
}

// PeakRSS returns the highest memory use of any of its runs, in bytes. A run is
// measured when it is stopped or killed, and while it runs; a run that ended by itself
// is not measured.
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
