package faultlab_test

import (
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// long returns a number for everyday and for long runs.
func long(everyday, full int64) int64 {
	if testenv.Full() {
		return full
	}
	return everyday
}

// span is long for durations.
func span(everyday, full time.Duration) time.Duration {
	return time.Duration(long(int64(everyday), int64(full)))
}

// startMembers starts processes and waits until each has read something.
func startMembers(l *faultlab.Lab, count int) []*faultlab.Member {
	l.Helper()
	for range count {
		l.Start()
	}
	l.Reader.AwaitMembers(l, count)
	for _, m := range l.Members {
		m.AwaitCounted(1)
	}
	return l.Members
}

// mustRepeat fails the test if no line was rewritten: the faults were too weak to show
// anything.
func mustRepeat(l *faultlab.Lab) {
	l.Helper()
	if l.Twice() == 0 {
		l.Error("no line was written again")
	}
}
