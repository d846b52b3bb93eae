// Package loglimit keeps log lines that repeat from filling the log.
package loglimit

import (
	"sync"
	"time"
)

// Limiter limits one kind of line to one in a period. Its zero value is ready, with a
// period of a minute. It is safe for concurrent use.
type Limiter struct {
	Period time.Duration

	mu     sync.Mutex
	text   string
	logged time.Time // zero for never
	silent int64     // things since the last line
}

// Due reports whether to log a line now: with another text than the last one always,
// else once in a period. For a text that differs each time, pass one that does not.
func (l *Limiter) Due(text string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due(text, now)
}

// DueOf is Due for a line about n things. If it is due, DueOf also returns how many
// there were since the last line, with those n.
func (l *Limiter) DueOf(n int64, now time.Time) (total int64, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.silent += n
	if !l.due("", now) {
		return 0, false
	}
	total, l.silent = l.silent, 0
	return total, true
}

// Wait returns how long it is until a line with the same text is due.
func (l *Limiter) Wait(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wait(now)
}

// due must be called with mu held.
func (l *Limiter) due(text string, now time.Time) bool {
	if text == l.text && l.wait(now) > 0 {
		return false
	}
	l.text, l.logged = text, now
	return true
}

// wait must be called with mu held.
func (l *Limiter) wait(now time.Time) time.Duration {
	period := l.Period
	if period == 0 {
		period = time.Minute
	}
	if l.logged.IsZero() {
		return 0
	}
	return max(0, l.logged.Add(period).Sub(now))
}
