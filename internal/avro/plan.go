package avro

import (
	"errors"
	"fmt"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// slot is a field of a tweet.
type slot int8

const (
	slotNone slot = iota - 1 // the field is passed over
	slotID
	slotText
	slotBrand
	slotSentiment
	slotTimestamp
	numSlots
)

var slotNames = [numSlots]string{"id", "text", "brand", "sentiment", "timestamp"}

// plan is how a record of the writer's schema is read.
type plan struct {
	err    error // why no such record is a tweet, or nil
	fields []planField
}

type planField struct {
	slot   slot
	node   *node  // what is passed over
	source source // what is read
}

// source is a type of the writer's that a field of a tweet is made from.
type source struct {
	err      error // why a tweet cannot be made from such a value, or nil
	kind     kind
	branches []source    // of a union
	symbols  []sentiment // of an enum
	perMilli int64       // units of a timestamp in a millisecond
}

type sentiment struct {
	value tweet.Sentiment
	err   error // the symbol is none of ours
}

// planOf decides what of a record becomes what of a tweet. Names are compared
// without their namespaces, as the specification has it.
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

// sourceOf decides how the field s of a tweet is made from a value of type n.
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
		from.err = fmt.Errorf("the %s is %s, from which no tweet can be made", slotNames[s], n.describe())
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

// perMilli is how many units of a timestamp of the type n are a millisecond, 0 if
// that is not known. Avro's rules compare the type alone, by which microseconds
// would pass for milliseconds. A local timestamp is taken for UTC.
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

// unusable says why no value of this type makes a field of a tweet, or nil.
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

// noneUsable says why no record of these is a tweet, or nil.
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
