// Package process runs other programs as children that never outlive us: a
// real server for the demo or for a test. A child lies in a process group of
// its own, so that Ctrl-C on the terminal reaches only us and we decide the
// order of stopping. What it prints goes to a file, because a pipe would stop
// the child whenever we are slow to read.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// Command says what to run.
type Command struct {
	// Path is the program; Args come after its name.
	Path string
	Args []string
	// Dir is the working folder; empty means ours.
	Dir string
	// Env is the whole environment. Environment gives a small one; nil means
	// ours, which lets a variable of the user's shell change what is tested.
	Env []string
	// Log is the file that standard output and error are appended to.
	Log string
}

// Process is a child that has been started.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd

	done chan struct{}
}

// Start runs c. The child is killed when we die, on systems that can do that
// (Linux).
func Start(c Command) (*Process, error) {
	name := filepath.Base(c.Path)
	log, err := os.OpenFile(c.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", name, err)
	}
	defer log.Close()

	cmd := exec.Command(c.Path, c.Args...)
	cmd.Dir, cmd.Env = c.Dir, c.Env
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()

	p := &Process{name: name, log: c.Log, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		// Linux sends the parent-death signal when the *thread* that forked
		// ends, not the process. A thread of Go's pool may end at any time, so
		// this one is kept until the child is gone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the exit code stands in cmd.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// PID is the number of the child, which is also that of its group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the child has ended, however that came about.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended says how the child has ended, such as "exit status 1" or "signal: killed"; it
// is empty while the child runs.
func (p *Process) Ended() string {
	if p.Running() {
		return ""
	}
	return p.cmd.ProcessState.String()
}

// Running tells whether the child has not ended. A paused child is running.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits until the child ends and gives its exit code: -1 when a signal
// killed it. The error is that of ctx alone.
func (p *Process) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for %s to end: %w", p.name, ctx.Err())
	}
}

// Kill ends the child at once, as a crash would (SIGKILL), and waits until it
// is gone. It is no error when it has ended already.
func (p *Process) Kill() error {
	if err := p.signal(os.Kill); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop asks the child to end (SIGTERM), paused or not, and waits until it is
// gone. A child that takes longer than the time given is killed, which is an
// error. Windows cannot ask: there the child is killed.
func (p *Process) Stop(timeout time.Duration) error {
	if !canAsk {
		return p.Kill()
	}
	if err := errors.Join(p.signal(syscall.SIGTERM), p.signal(resume)); err != nil {
		return err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		return errors.Join(fmt.Errorf("stopping %s: still running after %s, killed", p.name, timeout), p.Kill())
	}
}

// Pause freezes the child (SIGSTOP): its sockets stay open and nobody answers.
func (p *Process) Pause() error {
	if !p.Running() {
		return fmt.Errorf("pausing %s: %w", p.name, os.ErrProcessDone)
	}
	return p.signal(pause)
}

// Resume lets a paused child go on (SIGCONT).
func (p *Process) Resume() error { return p.signal(resume) }

// signal reaches the child alone. To signal its group would need its number,
// which may belong to somebody else once the child has been reaped.
func (p *Process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to %s: %w", s, p.name, err)
	}
	return nil
}

// LogPath is the file with all that the child has printed.
func (p *Process) LogPath() string { return p.log }

// Tail gives the last lines that the child has printed, at most n.
func (p *Process) Tail(n int) string { return Tail(p.log, n) }

// Tail gives the last n lines of a file; of a file that cannot be read, why.
func Tail(path string, n int) string {
	const most = 64 << 10
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	size, err := f.Seek(0, 2)
	if err != nil {
		return err.Error()
	}
	buf := make([]byte, min(size, most))
	got, _ := f.ReadAt(buf, size-int64(len(buf)))
	lines := strings.Split(strings.TrimRight(string(buf[:got]), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// Environment is a small environment for a child: what programs need to find
// each other and a place for temporary files, then extra ("NAME=value"). home
// is the child's home folder, so that a server does not read the user's
// settings.
func Environment(home string, extra ...string) []string {
	env := []string{"HOME=" + home}
	for _, name := range []string{"PATH", "TMPDIR", "LANG", "TZ", "SystemRoot", "TEMP", "TMP", "JAVA_HOME"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, extra...)
}
