// Package process runs other programs as children that never outlive this process: real
// servers for the demo and the tests. A child has its own process group, so Ctrl-C on
// the terminal reaches only the parent, which decides the order of stopping. A child's
// output goes to a file, because a pipe would block the child whenever the parent reads
// slowly.
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

// Command is the program to run.
type Command struct {
	// Path is the program. Args follow its name.
	Path string
	Args []string
	// Dir is the working folder; the parent's if empty.
	Dir string
	// Env is the whole environment. Environment returns a small one. nil means the
	// parent's, so variables in the user's shell can affect a test.
	Env []string
	// Log is the file that standard output and standard error are appended to.
	Log string
}

// Process is a started child.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd

	done chan struct{}
}

// Start runs c. On Linux, the child is killed if this process dies.
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
		// Linux sends the parent-death signal when the *thread* that forked ends, not
		// the process. A thread of Go's pool can end at any time, so this one is kept
		// until the child has ended.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		_ = cmd.Wait() // the exit code is in cmd.ProcessState
		close(p.done)
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting %s: %w", name, err)
	}
	return p, nil
}

// PID returns the id of the child, which is also that of its process group.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Ended returns how the child has ended, such as "exit status 1" or "signal: killed",
// or "" while it runs.
func (p *Process) Ended() string {
	if p.Running() {
		return ""
	}
	return p.cmd.ProcessState.String()
}

// Running reports whether the child runs. A paused child is running.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Wait waits until the child ends and returns its exit code: -1 if a signal killed it.
// The only error is that of ctx.
func (p *Process) Wait(ctx context.Context) (code int, err error) {
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode(), nil
	case <-ctx.Done():
		return 0, fmt.Errorf("waiting for %s to end: %w", p.name, ctx.Err())
	}
}

// Kill ends the child at once, as a crash would (SIGKILL), and waits until it has
// ended. It is not an error if it has ended before.
func (p *Process) Kill() error {
	if err := p.signal(os.Kill); err != nil {
		return err
	}
	<-p.done
	return nil
}

// Stop ends the child with SIGTERM, even if it is paused, and waits until it has ended.
// A child that takes longer than the given time is killed, which is an error. On
// Windows it is always killed.
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

// Pause freezes the child (SIGSTOP): its sockets stay open, and nothing responds.
func (p *Process) Pause() error {
	if !p.Running() {
		return fmt.Errorf("pausing %s: %w", p.name, os.ErrProcessDone)
	}
	return p.signal(pause)
}

// Resume continues a paused child (SIGCONT).
func (p *Process) Resume() error { return p.signal(resume) }

// signal sends a signal to the child only. Signalling its group would need its id,
// which another process may have once the child has been reaped.
func (p *Process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %v to %s: %w", s, p.name, err)
	}
	return nil
}

// LogPath returns the path of the file with the child's output.
func (p *Process) LogPath() string { return p.log }

// Tail returns the last lines of the child's output, at most n.
func (p *Process) Tail(n int) string { return Tail(p.log, n) }

// Tail returns the last n lines of a file, or the reason why it cannot be read.
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

// Environment returns a small environment for a child: the variables that programs need
// to find each other and a place for temporary files, plus extra ("NAME=value"). home
// is the child's home folder, so that a server does not read the user's settings.
func Environment(home string, extra ...string) []string {
	env := []string{"HOME=" + home}
	for _, name := range []string{"PATH", "TMPDIR", "LANG", "TZ", "SystemRoot", "TEMP", "TMP", "JAVA_HOME"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, extra...)
}
