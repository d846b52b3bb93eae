package process

import (
	"context"
	"fmt"
	"time"
)

// Await calls ready every 50 ms until it returns no error. ctx limits the total time;
// each call has two seconds. The error contains the last error of ready, or says that
// the child has ended, with the end of its log.
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
			return fmt.Errorf("%s is not ready: %w; last error: %w; the end of %s:\n%s", p.name, context.Cause(ctx), err, p.log, p.Tail(20))
		case <-tick.C:
		}
	}
}
