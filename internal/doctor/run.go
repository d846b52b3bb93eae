package doctor

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// Options are those of a run.
type Options struct {
	// Deadline bounds the whole run. A check that has not ended by then is abandoned.
	Deadline time.Duration
	// Limit bounds a check that sets none.
	Limit   time.Duration
	Offline bool
	// Hide masks secrets in the texts of findings; nil if there are none.
	Hide func(string) string
}

// Run makes the checks: those of a group in order, groups concurrently. It returns when
// all have ended, or at the deadline, whether or not they have.
func Run(ctx context.Context, checks []*Check, o Options) *Report {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, o.Deadline)
	defer cancel()
	r := &runner{options: o, ended: map[*Check]chan struct{}{}, results: map[*Check]*Result{}}
	var order []string
	groups := map[string][]*Check{}
	for _, c := range checks {
		if !c.ID.known() {
			panic("doctor: " + string(c.ID) + " is not among IDs, so its section is missing in docs/troubleshooting.md")
		}
		if groups[c.Group] == nil {
			order = append(order, c.Group)
		}
		groups[c.Group] = append(groups[c.Group], c)
		r.ended[c] = make(chan struct{})
	}
	var wait sync.WaitGroup
	for _, name := range order {
		wait.Go(func() {
			for _, c := range groups[name] {
				result := r.check(ctx, c)
				r.mu.Lock()
				r.results[c] = result
				r.mu.Unlock()
				close(r.ended[c])
			}
		})
	}
	wait.Wait()
	report := &Report{Seconds: time.Since(began).Seconds()}
	for _, name := range order {
		for _, c := range groups[name] {
			report.Checks = append(report.Checks, *r.results[c])
		}
	}
	report.judge()
	return report
}

// notOffline is the reason of a check that opens sockets.
const notOffline = "not checked with --offline"

type runner struct {
	options Options
	ended   map[*Check]chan struct{}

	mu      sync.Mutex
	results map[*Check]*Result
}

// check makes one check, unless another one must succeed first.
func (r *runner) check(ctx context.Context, c *Check) *Result {
	result := &Result{ID: c.ID, Group: c.Group, About: c.About, Page: page(c.ID)}
	began := time.Now()
	defer func() { result.Seconds = time.Since(began).Seconds() }()
	if r.options.Offline && !c.Offline {
		result.Finding = Skipped(notOffline)
		return result
	}
	if cause := r.cause(ctx, c); cause != "" {
		result.Because = cause
		result.Finding = Skipped("needs %s", cause)
		return result
	}
	result.Finding = r.bounded(ctx, c)
	if hide := r.options.Hide; hide != nil {
		result.Seen, result.Do = hide(result.Seen), hide(result.Do)
	}
	return result
}

// cause returns the name of the check that must succeed before c: the first one, if
// that was skipped for a cause of its own.
func (r *runner) cause(ctx context.Context, c *Check) string {
	for _, need := range c.Needs {
		select {
		case <-r.ended[need]:
		case <-ctx.Done():
		}
		r.mu.Lock()
		result := r.results[need] // also at the deadline, as it may have the cause
		r.mu.Unlock()
		switch {
		case result == nil:
			return need.name()
		case result.Because != "":
			return result.Because
		case result.Status == StatusFailed, result.Status == StatusSkipped:
			return need.name()
		}
	}
	return ""
}

// bounded runs a check within its time limit. A check that ignores its context is
// abandoned, with its goroutine: the process ends soon, and the caller must not hang.
func (r *runner) bounded(ctx context.Context, c *Check) Finding {
	if ctx.Err() != nil {
		return Skipped("no time was left after the checks before it")
	}
	limit := r.options.Limit
	if c.Limit > 0 {
		limit = c.Limit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	began := time.Now()
	found := make(chan Finding, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				found <- Skipped("the check itself failed: %v. Please report this", p)
			}
		}()
		found <- c.Run(limited)
	}()
	select {
	case f := <-found:
		f.Seen = strings.TrimSpace(f.Seen)
		return f
	case <-limited.Done():
	}
	// It may be about to return the reason.
	select {
	case f := <-found:
		return f
	case <-time.After(100 * time.Millisecond):
		return Failed("Something between this machine and the server drops packets, or the server hangs. Check its address, firewalls and its log.",
			"no answer within %s", time.Since(began).Round(100*time.Millisecond))
	}
}

// page returns the address of a check's section.
func page(id ID) string {
	return fmt.Sprintf("%s#%s", Page, id)
}

// Page is the address of docs/troubleshooting.md.
const Page = "https://github.com/brandpulse/brandpulse-connect/blob/main/docs/troubleshooting.md"
