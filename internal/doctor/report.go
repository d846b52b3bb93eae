package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Result is a check and what it found.
type Result struct {
	ID    ID     `json:"check"`
	Group string `json:"group"`
	About string `json:"about,omitempty"`
	Finding
	// Because names the check that must succeed first, if this one was not made.
	Because string  `json:"because,omitempty"`
	Page    string  `json:"page"`
	Seconds float64 `json:"seconds"`
}

// Report has all results, in the order of the checks.
type Report struct {
	// Outcome is failed, warning or ok.
	Outcome Status `json:"outcome"`
	// Cause is the first check that failed. Checks come before those that depend on
	// them, so it is what to fix first.
	Cause   string   `json:"cause,omitempty"`
	Checks  []Result `json:"checks"`
	Seconds float64  `json:"seconds"`
}

// judge sets Outcome and Cause.
func (r *Report) judge() {
	r.Outcome = StatusOK
	for _, result := range r.Checks {
		switch result.Status {
		case StatusFailed:
			if r.Outcome = StatusFailed; r.Cause == "" {
				r.Cause = result.name()
			}
		case StatusWarning:
			if r.Outcome == StatusOK {
				r.Outcome = StatusWarning
			}
		}
	}
}

func (r Result) name() string { return (&Check{ID: r.ID, About: r.About}).name() }

// WriteJSON writes the report as JSON.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

// WriteText writes the groups with a line per check, below it what to do, and last what
// to fix first. Checks that wait for the same one share a line.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	width := 0
	for _, result := range r.Checks {
		width = max(width, len(result.ID))
	}
	counts := map[Status]int{}
	group, waiting := "", map[string][]string{}
	for i, result := range r.Checks {
		if result.Group != group {
			if group != "" {
				b.WriteByte('\n')
			}
			group, waiting = result.Group, map[string][]string{}
			fmt.Fprintf(&b, "%s\n", group)
		}
		counts[result.Status]++
		switch {
		case result.Because != "":
			waiting[result.Because] = append(waiting[result.Because], string(result.ID))
		case result.Seen == notOffline:
			waiting[notOffline] = append(waiting[notOffline], string(result.ID))
		default:
			result.writeLine(&b, width)
		}
		if last := i+1 == len(r.Checks) || r.Checks[i+1].Group != group; last {
			writeWaiting(&b, waiting, r.Checks)
		}
	}
	fmt.Fprintf(&b, "\n%s in %.1f s.", summary(counts), r.Seconds)
	if r.Cause != "" {
		fmt.Fprintf(&b, " Fix first: %s.", r.Cause)
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Result) writeLine(b *strings.Builder, width int) {
	seen := oneLine(r.Seen)
	if r.About != "" {
		seen = r.About + ": " + seen
	}
	fmt.Fprintf(b, "  %-8s %-*s  %s\n", r.Status, width, r.ID, seen)
	if r.Status != StatusFailed && r.Status != StatusWarning {
		return
	}
	if r.Do != "" {
		fmt.Fprintf(b, "           → %s\n", oneLine(r.Do))
	}
	fmt.Fprintf(b, "             %s\n", r.Page)
}

// oneLine returns text without line breaks: a check has one line.
func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// writeWaiting writes a line for the checks that wait for each cause, in the order of
// the causes.
func writeWaiting(b *strings.Builder, waiting map[string][]string, all []Result) {
	if checks := unique(waiting[notOffline]); len(checks) > 0 {
		fmt.Fprintf(b, "  %-8s %s: %s\n", StatusSkipped, notOffline, strings.Join(checks, ", "))
	}
	for _, cause := range all {
		name := cause.name()
		if checks := unique(waiting[name]); len(checks) > 0 {
			fmt.Fprintf(b, "  %-8s once %s succeeds: %s\n", StatusSkipped, name, strings.Join(checks, ", "))
			delete(waiting, name)
		}
	}
}

func unique(names []string) (once []string) {
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			once = append(once, name)
		}
	}
	return once
}

func summary(counts map[Status]int) string {
	var parts []string
	for _, status := range []Status{StatusFailed, StatusWarning, StatusSkipped, StatusOK} {
		if n := counts[status]; n > 0 {
			word := string(status)
			if status == StatusWarning && n > 1 {
				word += "s"
			}
			parts = append(parts, fmt.Sprintf("%d %s", n, word))
		}
	}
	return strings.Join(parts, ", ")
}

// CauseIn returns the name of the first check of a group that failed, empty if none did.
func (r *Report) CauseIn(group string) string {
	for _, result := range r.Checks {
		if group != "" && result.Group == group && result.Status == StatusFailed {
			return result.name()
		}
	}
	return ""
}

// Add appends results that were found by other means.
func (r *Report) Add(o Options, results []Result) {
	for _, result := range results {
		result.Page = page(result.ID)
		if o.Hide != nil {
			result.Seen, result.Do = o.Hide(result.Seen), o.Hide(result.Do)
		}
		r.Checks = append(r.Checks, result)
	}
	r.Cause = ""
	r.judge()
}
