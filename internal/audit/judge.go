package audit

import (
	"cmp"
	"slices"

	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
)

// causes returns the causes of one difference, by partition and offset.
func (e *explanation) causes(difference int) []Cause {
	var found []Cause
	for _, p := range e.order {
		if p.difference == difference {
			found = append(found, e.judge(p)...)
		}
	}
	for k, s := range e.sums {
		if k.difference == difference {
			found = append(found, s.judge(k.partition)...)
		}
	}
	found = merge(found)
	if len(found) == 0 {
		found = []Cause{{Kind: KindGone, Partition: -1, Base: -1, Last: -1, FirstOffset: -1, LastOffset: -1}}
	}
	for i := range found {
		_, exists := e.lim.log[found[i].Partition]
		found[i].describe(e.audit.Cut, exists)
	}
	return found
}

// judge returns the causes at a point.
func (e *explanation) judge(p *piece) (found []Cause) {
	c := Cause{
		Partition: p.partition, Base: p.base, Last: p.last, FirstOffset: p.offset, LastOffset: p.offset,
		Should: p.should, Points: len(p.stored),
	}
	switch {
	case p.should == 0 && p.uncertain:
		return nil // it may belong to a removed offset
	case p.should == 0:
		c.Kind, c.Period = KindUnexpected, e.audit.Law.period()
		if batch, ok := e.batchOf(p); ok {
			c.Base, c.Last = batch[0], batch[1]
		}
		for _, s := range p.stored {
			one := c
			one.Stored, one.Points, one.Tags = s.Count, 1, extraTags(s, e.audit.Law.Source)
			found = append(found, one)
		}
		return found
	case len(p.stored) == 0:
		if p.below {
			c.Kind = KindMissing
			return []Cause{c}
		}
		return nil
	}
	// Of several points, one that is as expected is the right one.
	right := max(0, slices.IndexFunc(p.stored, func(s influxread.Point) bool { return s.Count == p.should && s.Other == "" }))
	for i, s := range p.stored {
		one := c
		one.Stored, one.Points, one.Tags = s.Count, 1, extraTags(s, e.audit.Law.Source)
		switch {
		case i != right:
			one.Kind = KindTwice
		case s.Count != p.should:
			one.Kind = KindCount
		default:
			continue
		}
		found = append(found, one)
	}
	return found
}

// extraTags returns the tags that a point should not have.
func extraTags(p influxread.Point, source bool) string {
	switch {
	case source || p.Source == "":
		return p.Other
	case p.Other == "":
		return "src=" + p.Source
	}
	return p.Other + ",src=" + p.Source
}

// batchOf returns the base and last offset of the batch that contains an offset of a
// point.
func (e *explanation) batchOf(p *piece) ([2]int64, bool) {
	period := e.audit.Law.period()
	for at := p.offset; at >= 0 && at < e.lim.log[p.partition].End; at += period {
		if batch, ok := e.located[located{p.partition, at}]; ok {
			return batch, true
		}
	}
	return [2]int64{}, false
}

// judge returns the causes in a partition's part of a sum.
func (s *sum) judge(partition int32) []Cause {
	if s.stored >= s.committed && s.stored <= s.logged {
		return nil
	}
	should := s.committed
	if s.stored > s.logged {
		should = s.logged
	}
	slices.SortFunc(s.folds, func(a, b Fold) int { return cmp.Compare(a.Offset, b.Offset) })
	return []Cause{{
		Kind: KindSum, Partition: partition, Base: -1, Last: -1, FirstOffset: s.first, LastOffset: s.last,
		Should: should, Stored: s.stored, Points: len(s.folds), Folds: s.folds,
	}}
}

// merge adds up causes of one kind at one place, and sorts them.
func merge(found []Cause) []Cause {
	slices.SortStableFunc(found, func(a, b Cause) int {
		return cmp.Or(cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Base, b.Base), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Tags, b.Tags), cmp.Compare(a.FirstOffset, b.FirstOffset))
	})
	var merged []Cause
	for _, c := range found {
		if n := len(merged) - 1; n >= 0 && c.Kind == KindMissing {
			if m := &merged[n]; m.Kind == c.Kind && m.Partition == c.Partition && m.Base == c.Base {
				m.Should, m.Stored, m.Points = m.Should+c.Should, m.Stored+c.Stored, m.Points+c.Points
				m.FirstOffset, m.LastOffset = min(m.FirstOffset, c.FirstOffset), max(m.LastOffset, c.LastOffset)
				continue
			}
		}
		merged = append(merged, c)
	}
	return merged
}
