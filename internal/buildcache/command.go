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

// Run runs a program of a build, reports each line that it prints to progress, and
// returns its standard output. If it fails, the error contains the end of its output.
// When ctx ends, the program and all its children are killed.
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

// lineWriter splits output into lines, for progress and for errors. Two goroutines copy
// standard output and standard error to it.
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
