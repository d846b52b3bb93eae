package process

import (
	"context"
	"fmt"
	"time"
)

// Await asks ready every 50 ms until it gives no error. The time that it may
// take is that of ctx; each question has two seconds. The error says what the
// last answer was, or that the child has ended, with the end of its log.
func (p *Process) Await(ctx context.Context, ready func(context.Context) error) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		once, cancel := context.WithTimeout(ctx, 2*time.Second)
		err := ready(once)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended with %v before it was ready; the end of %s:\n%s", p.name, p.cmd.ProcessState, p.log, p.Tail(20))
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: %w; last answer: %w; the end of %s:\n%s", p.name, context.Cause(ctx), err, p.log, p.Tail(20))
		case <-tick.C:
		}
	}
}
