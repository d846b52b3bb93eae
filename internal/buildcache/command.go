package buildcache

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/brandpulse/brandpulse-connect/internal/process"
)

// Run runs a program of a build, tells progress each line that it prints, and
// gives all that it wrote to standard output. When it fails, the end of what it
// printed stands in the error. It is killed, with all
// that it has started, when ctx ends.
func Run(ctx context.Context, dir string, env []string, progress Progress, program string, args ...string) (stdout []byte, err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir, cmd.Env = dir, env
	process.OwnGroup(cmd)
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var out bytes.Buffer
	lines := &lineWriter{progress: progress}
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, lines), lines
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("running %s %s: %w\n%s", filepath.Base(program), strings.Join(args, " "), err, strings.Join(lines.last, "\n"))
	}
	return out.Bytes(), nil
}

// lineWriter cuts output into lines, for progress and for an error. Standard
// output and standard error are copied to it by two goroutines.
type lineWriter struct {
	progress Progress

	mu   sync.Mutex
	rest []byte
	last []string
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	for {
		line, rest, ok := bytes.Cut(w.rest, []byte("\n"))
		if !ok && len(w.rest) < 8<<10 {
			return len(p), nil
		}
		w.rest = rest
		w.progress.Say("%s", line)
		if w.last = append(w.last, string(line)); len(w.last) > 40 {
			w.last = w.last[1:]
		}
	}
}
