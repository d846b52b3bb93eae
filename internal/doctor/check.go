// Package doctor is the model of the command `doctor`: checks, what each of them found,
// and which of them make no sense before another one succeeds. It knows neither Kafka
// nor InfluxDB; the checks come from the packages below it and from the plugins.
package doctor

import (
	"context"
	"fmt"
	"time"
)

// Status is the outcome of a check.
type Status string

// The outcomes of a check. Skipped means that the answer is not known: a check that
// cannot be made is never OK.
const (
	StatusOK      Status = "ok"
	StatusWarning Status = "warning"
	StatusFailed  Status = "failed"
	StatusSkipped Status = "skipped"
)

// Check is one question about a pipeline and its surroundings.
type Check struct {
	ID    ID
	Group string // checks of a group run in order, groups run concurrently
	About string // what the check is about, if its group has several: a topic, a path
	// Needs are checks that must have succeeded, or this one would only repeat their
	// failure. They belong to the same group, or to one that is listed before it.
	Needs []*Check
	// Offline means that the check opens no socket.
	Offline bool
	// Limit replaces the default time limit.
	Limit time.Duration
	Run   func(ctx context.Context) Finding
}

// Finding is what a check has found.
type Finding struct {
	Status Status `json:"status"`
	Seen   string `json:"seen"`         // what was seen, or why it could not be
	Do     string `json:"do,omitempty"` // what to do about it
}

// OK is the finding that all is well.
func OK(format string, args ...any) Finding {
	return Finding{Status: StatusOK, Seen: fmt.Sprintf(format, args...)}
}

// Skipped is the finding that something cannot be known, and why.
func Skipped(format string, args ...any) Finding {
	return Finding{Status: StatusSkipped, Seen: fmt.Sprintf(format, args...)}
}

// Warning is a finding that does not keep the pipeline from running now.
func Warning(do, format string, args ...any) Finding {
	return Finding{StatusWarning, fmt.Sprintf(format, args...), do}
}

// Failed is a finding that keeps the pipeline from running, or its results from being
// right.
func Failed(do, format string, args ...any) Finding {
	return Finding{StatusFailed, fmt.Sprintf(format, args...), do}
}

// name identifies a check within a report.
func (c *Check) name() string {
	if c.About == "" {
		return string(c.ID)
	}
	return fmt.Sprintf("%s (%s)", c.ID, c.About)
}
