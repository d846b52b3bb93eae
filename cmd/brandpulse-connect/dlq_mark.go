package main

import (
	"context"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
)

// shownMark is what became of a letter, also as JSON.
type shownMark struct {
	Outcome marks.Outcome `json:"outcome,omitempty"`
	Settled bool          `json:"settled"`
	Time    string        `json:"time,omitempty"`
	Why     string        `json:"why,omitempty"`
	Error   string        `json:"error,omitempty"` // the marks could not be read

	at int64
}

// markOf returns the mark of a letter, nil if it has none. The letter is shown also to
// those who may not read the marks.
func (t *dlqTopic) markOf(ctx context.Context, l *deadletter.Letter) *shownMark {
	m, found, err := settle.MarkOf(ctx, t.options, t.name, marks.Key(l, t.ID()))
	switch {
	case err != nil:
		return &shownMark{Error: err.Error()}
	case !found:
		return nil
	}
	return &shownMark{Outcome: m.Outcome, Settled: m.Outcome.Settles(), Time: rfc3339(m.At), Why: m.Why, at: m.At}
}

func (m *shownMark) text() string {
	var text string
	switch {
	case m.Error != "":
		return "unknown: " + deadletter.Printable(m.Error, maxShownTextByte)
	case m.Outcome == marks.Intended:
		text = "no: a replay began to write its point, which may be stored"
	case m.Outcome == marks.Refused:
		text = "no: InfluxDB rejected the point again"
	default:
		text = "yes, " + deadletter.Printable(string(m.Outcome), maxShownTextByte)
	}
	text += " at " + letterTime(m.at) + " UTC"
	if m.Why != "" {
		text += ": " + deadletter.Printable(m.Why, maxShownTextByte)
	}
	return text
}
