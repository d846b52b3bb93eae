package avro

import (
	"errors"
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// slot is a field of a tweet.
type slot int8

const (
	slotNone slot = iota - 1 // the field is skipped
	slotID
	slotText
	slotBrand
	slotSentiment
	slotTimestamp
	numSlots
)

var slotNames = [numSlots]string{"id", "text", "brand", "sentiment", "timestamp"}

// plan describes how to read a record of the writer's schema.
type plan struct {
	err    error // reason why no such record is a tweet, or nil
	fields []planField
}

type planField struct {
	slot   slot
	node   *node  // type of the skipped fields
	source source // source of the fields that are read
}

// source is a type of the writer's schema for a field of a tweet.
type source struct {
	err      error // reason why such a value cannot be a field of a tweet, or nil
	kind     kind
	branches []source    // for a union
	symbols  []sentiment // for an enum
	perMilli int64       // units of a timestamp per millisecond
}

type sentiment struct {
	value tweet.Sentiment
	err   error // not one of our symbols
}

// planOf maps the fields of a record to those of a tweet. Names are compared without
// their namespaces, as in the specification.
func planOf(n *node) (p plan) {
	if n.kind != kindRecord || !n.named("Tweet") {
		return plan{err: fmt.Errorf("it is %s, not the record Tweet", n.describe())}
	}
	missing := map[string]slot{}
	for s, name := range slotNames {
		missing[name] = slot(s)
	}
	for _, f := range n.fields {
		s, ok := missing[f.name]
		if !ok {
			p.fields = append(p.fields, planField{slot: slotNone, node: f.node})
			continue
		}
		delete(missing, f.name)
		from := sourceOf(s, f.node)
		if err := from.unusable(); err != nil {
			return plan{err: err}
		}
		p.fields = append(p.fields, planField{slot: s, source: from})
	}
	for _, name := range slotNames {
		if _, ok := missing[name]; ok {
			return plan{err: fmt.Errorf("the record %.200s has no field %s", n.name, name)}
		}
	}
	return p
}

func (n *node) named(name string) bool {
	_, last := cutLast(n.name)
	return last == name
}

func (n *node) describe() string {
	switch {
	case n.name != "":
		return fmt.Sprintf("%s %.200s", n.kind, n.name)
	case n.logical != "":
		return fmt.Sprintf("%s (%.200s)", n.kind, n.logical)
	}
	return n.kind.String()
}

// sourceOf returns how the field s of a tweet is read from a value of type n.
func sourceOf(s slot, n *node) source {
	if n.kind == kindUnion {
		from := source{kind: kindUnion}
		for _, b := range n.branches {
			from.branches = append(from.branches, sourceOf(s, b))
		}
		return from
	}
	from := source{kind: n.kind}
	fits := false
	switch s {
	case slotID, slotText, slotBrand:
		fits = n.kind == kindString || n.kind == kindBytes
	case slotSentiment:
		if fits = n.kind == kindEnum && n.named("Sentiment"); fits {
			from.symbols = sentiments(n)
		}
	case slotTimestamp:
		from.perMilli = perMilli(n)
		fits = from.perMilli > 0
	}
	if !fits {
		from.err = fmt.Errorf("the %s is %s, which cannot be a field of a tweet", slotNames[s], n.describe())
	}
	return from
}

func sentiments(n *node) (all []sentiment) {
	for _, symbol := range n.symbols {
		v, ok := tweet.ParseSentiment(symbol)
		if ok {
			all = append(all, sentiment{value: v})
			continue
		}
		all = append(all, sentiment{err: fmt.Errorf("the sentiment is %.100q, not positive, negative or neutral", symbol)})
	}
	return all
}

// perMilli returns how many units of a timestamp of type n make a millisecond, 0 if the
// unit is unknown. Avro's rules compare only the type, by which microseconds would
// count as milliseconds. A local timestamp is read as UTC.
func perMilli(n *node) int64 {
	switch {
	case n.kind != kindLong && n.kind != kindInt:
		return 0
	case n.logical == "" || n.logical == "timestamp-millis" || n.logical == "local-timestamp-millis":
		return 1
	case n.kind == kindInt:
		return 0
	}
	switch n.logical {
	case "timestamp-micros", "local-timestamp-micros":
		return 1000
	case "timestamp-nanos", "local-timestamp-nanos":
		return 1_000_000
	}
	return 0
}

// unusable returns the reason why no value of this type can be a field of a tweet, or
// nil.
func (s *source) unusable() error {
	switch {
	case s.err != nil:
		return s.err
	case s.kind == kindUnion:
		first := errors.New("a union has no branches")
		for i := range s.branches {
			err := s.branches[i].unusable()
			if err == nil {
				return nil
			}
			if i == 0 {
				first = err
			}
		}
		return first
	case s.kind == kindEnum:
		first := errors.New("the enum of the sentiment has no symbols")
		for i := range s.symbols {
			if s.symbols[i].err == nil {
				return nil
			}
			first = s.symbols[i].err
		}
		return first
	}
	return nil
}

// noneUsable returns the reason why none of these records is a tweet, or nil.
func noneUsable(records []plan) error {
	first := errors.New("it is a union without branches")
	for i := range records {
		switch {
		case records[i].err == nil:
			return nil
		case i == 0:
			first = records[0].err
		}
	}
	return first
}
