package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
)

// plan is what would be settled.
type plan struct {
	letters   int64 // that are settled, parked ones among them
	parked    int64
	points    int64 // that are written to InfluxDB
	unchanged int64 // by --fix
	topics    map[string]int64
	not       map[string]int64  // letters that are not replayed, by why
	detail    map[string]string // of the first of them
	done      int64
	previews  []string // of the first letters that --fix changes
}

// maxPreviews is how many letters a preview shows.
const maxPreviews = 5

func (s *settler) plan(ctx context.Context, done *marks.Set) (*plan, error) {
	p := &plan{topics: map[string]int64{}, not: map[string]int64{}, detail: map[string]string{}}
	seen := marks.NewSet()
	s.unsettled = done.Unsettled
	err := s.topic.Each(ctx, func(r deadletter.Record) error {
		l := s.topic.read(r)
		if !s.filter.Selects(&l) {
			return nil
		}
		key := marks.Key(&l, s.topic.ID())
		switch {
		case done.Has(key):
			p.done++
			return nil
		case seen.Has(key), s.max > 0 && p.letters >= s.max:
			return nil
		}
		if s.what == replaying {
			r, err := s.remedy(ctx, &l)
			if err != nil {
				return err
			}
			if !p.add(&l, &r) {
				return nil
			}
		}
		p.letters++
		return seen.Put(key, marks.Mark{})
	})
	return p, err
}

// add counts a letter, and reports whether it is settled.
func (p *plan) add(l *deadletter.Letter, r *remedy) bool {
	switch {
	case r.why != "":
		if p.not[r.why]++; p.not[r.why] == 1 && r.detail != "" {
			p.detail[r.why] = fmt.Sprintf("Letter %d:%d: %s", l.Partition, l.Offset, deadletter.Printable(r.detail, maxShownTextByte))
		}
		return false
	case r.parked:
		p.parked++
		return true
	}
	if r.line != nil {
		p.points++
	} else {
		p.topics[l.Origin.Topic]++
	}
	if r.before == nil {
		return true
	}
	lines := r.difference()
	switch {
	case len(lines) == 0:
		p.unchanged++
	case len(p.previews) < maxPreviews:
		p.previews = append(p.previews, fmt.Sprintf("Letter %d:%d, of %s\n  %s\n",
			l.Partition, l.Offset, deadletter.Printable(l.Origin.String(), maxShownTextByte), strings.Join(lines, "\n  ")))
	}
	return true
}

func (p *plan) text(s *settler) string {
	var out strings.Builder
	for _, preview := range p.previews {
		out.WriteString(preview)
	}
	fmt.Fprintf(&out, "%s of %s to %s", letterCount(p.letters-p.parked), s.topic.name, s.what)
	to := slices.Sorted(maps.Keys(p.topics))
	if p.points > 0 {
		to = append(to, s.points.Where())
	}
	if len(to) > 0 {
		fmt.Fprintf(&out, ", to %s", deadletter.Printable(strings.Join(to, ", "), 500))
	}
	out.WriteString(".\n")
	if p.parked > 0 {
		fmt.Fprintf(&out, "%s replayed %d times or more, to park in %s.\n", letterCount(p.parked), s.maxReplays, s.parking)
	}
	if p.unchanged > 0 {
		fmt.Fprintf(&out, "%s not changed by --%s.\n", letterCount(p.unchanged), flagFix)
	}
	if p.done > 0 {
		fmt.Fprintf(&out, "%s already settled.\n", letterCount(p.done))
	}
	for _, why := range slices.Sorted(maps.Keys(p.not)) {
		fmt.Fprintf(&out, "%s not replayed: %s.\n", letterCount(p.not[why]), why)
		if detail := p.detail[why]; detail != "" {
			fmt.Fprintf(&out, "  %s\n", detail)
		}
	}
	return out.String()
}
