package producebench_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
)

// runTimeout ends a run of a writer that hangs, or is ten times slower than the slowest.
const runTimeout = 3 * time.Minute

// errTooFew means that the run was over before anything could be measured.
var errTooFew = errors.New("all tweets were written at once: too few to measure")

// measure runs a writer until it ends, and measures it from the first records that
// written finds to the last. All must be there in the end.
func measure(ctx context.Context, command process.Command, broker int, tweets int64, written func(context.Context) (int64, error)) (r rounds.Reading, err error) {
	ctx, cancel := context.WithTimeout(ctx, runTimeout)
	defer cancel()
	child, err := process.Start(command)
	if err != nil {
		return r, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("%w; the end of its output:\n%s", err, child.Tail(10)), child.Kill())
		}
	}()
	w := watch{child: child, broker: broker, written: written}
	if err := w.until(ctx, tweets); err != nil {
		return r, err
	}
	code, err := child.Wait(ctx)
	if err != nil {
		return r, err
	}
	if code != 0 {
		return r, fmt.Errorf("it has ended with exit code %d", code)
	}
	n, err := written(ctx)
	if err != nil {
		return r, err
	}
	if n != tweets {
		return r, fmt.Errorf("there are %d tweets of %d", n, tweets)
	}
	return w.reading()
}

// watch looks at a writer from outside.
type watch struct {
	child   *process.Process
	broker  int // id of its process; 0: none
	written func(context.Context) (int64, error)

	first, last sight
	peak        int64
}

// sight is what was seen at one time.
type sight struct {
	at          time.Time
	tweets      int64
	cpu, server time.Duration
}

// until looks often at the start and near the end, and seldom in between, since each
// look costs the writer time.
func (w *watch) until(ctx context.Context, tweets int64) error {
	const often, seldom = 5 * time.Millisecond, time.Second
	pause := often
	for w.last.tweets < tweets {
		select {
		case <-ctx.Done():
			return fmt.Errorf("after %s it had written %d tweets of %d", runTimeout, w.last.tweets, tweets)
		case <-time.After(pause):
		}
		ended := !w.child.Running() // before the look, which then sees its last tweets
		if err := w.look(ctx, ended); err != nil {
			return err
		}
		if ended && w.last.tweets < tweets {
			return fmt.Errorf("it has ended (%s) when Kafka had %d tweets of %d", w.child.Ended(), w.last.tweets, tweets)
		}
		if since := w.last.at.Sub(w.first.at); w.last.tweets > w.first.tweets {
			left := float64(since) * float64(tweets-w.last.tweets) / float64(w.last.tweets-w.first.tweets)
			pause = min(max(time.Duration(left/2), often), seldom)
		}
	}
	return nil
}

func (w *watch) look(ctx context.Context, ended bool) error {
	n, err := w.written(ctx)
	if err != nil {
		return err
	}
	now := sight{at: time.Now(), tweets: n, cpu: w.last.cpu}
	if !ended {
		// It may end meanwhile; then the figures of the last look are the best.
		if cpu, err := cpuOf(w.child.PID()); err == nil {
			now.cpu = cpu
		}
		if peak, err := w.child.PeakRSS(); err == nil {
			w.peak = peak
		}
	}
	if w.broker > 0 {
		if now.server, err = cpuOf(w.broker); err != nil {
			return err
		}
	}
	if w.first.tweets == 0 {
		w.first = now
	}
	w.last = now
	return nil
}

func (w *watch) reading() (r rounds.Reading, err error) {
	tweets, took := float64(w.last.tweets-w.first.tweets), w.last.at.Sub(w.first.at)
	if tweets == 0 || w.first.tweets == 0 {
		return r, errTooFew
	}
	return rounds.Reading{
		Rate:   tweets / took.Seconds(),
		CPU:    (w.last.cpu - w.first.cpu).Seconds() / tweets * 1e6,
		Peak:   w.peak,
		Server: (w.last.server - w.first.server).Seconds() / tweets * 1e6,
	}, nil
}

// cpuOf returns the CPU time of a process, user and system, to 10 ms.
func cpuOf(pid int) (time.Duration, error) {
	user, kernel, err := timesOf(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return user + kernel, err
}

// timesOf reads the CPU times in the file stat of a process or a thread.
func timesOf(path string) (user, kernel time.Duration, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, 0, err
	}
	// The name of the program, in brackets, may have spaces.
	_, after, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, 0, fmt.Errorf("%s is %q", path, text)
	}
	for i, to := range []*time.Duration{&user, &kernel} {
		n, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("%s: %w", path, err)
		}
		*to = time.Duration(n) * 10 * time.Millisecond
	}
	return user, kernel, nil
}
