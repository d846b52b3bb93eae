// Package avro reads tweets that were written with a schema other than our own: fields
// added, dropped or reordered, narrower numbers, unions, enums with more symbols. It
// can be used if a record names its schema (single-object encoding and the Confluent
// header) or a file contains it. A raw datum of another schema cannot be recognised.
//
// It follows Avro's rules of schema resolution, which decide for each record: a schema
// whose text may be null has records that are tweets and records that are not. The
// library twmb/avro parses the schemas. Its own resolution accepts or rejects whole
// schemas and does not bound the steps per record, so the records are read here. Tweets
// of our own schema are read by tweet.Tweet.DecodeAvro instead.
package avro

import (
	"bytes"
	"fmt"

	"github.com/twmb/avro"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

var own = avro.MustParse(schemas.Tweet)

// Resolver reads the tweets of one writer's schema. It can be used by many
// goroutines at once.
type Resolver struct {
	own     bool
	union   bool
	records []plan // the record, or each branch of the union
}

// NewResolver returns a Resolver for the Avro schema writerSchema (JSON). references
// are the schemas that it refers to, each after the schemas that it refers to itself.
// If no record of the schema can be a tweet by Avro's rules of schema resolution, that
// is an error.
func NewResolver(writerSchema string, references ...string) (*Resolver, error) {
	parsed, root, err := parse(writerSchema, references)
	if err != nil {
		return nil, err
	}
	r := &Resolver{}
	records := []*node{root}
	if root.kind == kindUnion {
		r.union, records = true, root.branches
	}
	for _, record := range records {
		r.records = append(r.records, planOf(record))
	}
	if err := noneUsable(r.records); err != nil {
		return nil, fmt.Errorf("resolving the schema to that of a tweet: %w", err)
	}
	r.own = bytes.Equal(parsed.Canonical(), own.Canonical()) && r.Units() == "1 "
	return r, nil
}

// Fingerprint returns the CRC-64-AVRO of a schema's canonical form, as in the header of
// a single object. The form does not include logical types.
func Fingerprint(schema string) (uint64, error) {
	parsed, _, err := parse(schema, nil)
	if err != nil {
		return 0, err
	}
	sum := avro.NewRabin()
	sum.Write(parsed.Canonical())
	return sum.Sum64(), nil
}

// Units returns the units of the schema's timestamps in a form that can be compared.
// Schemas with the same Fingerprint may differ in them.
func (r *Resolver) Units() (all string) {
	for i := range r.records {
		for j := range r.records[i].fields {
			f := &r.records[i].fields[j]
			if f.slot != slotTimestamp {
				continue
			}
			for _, from := range append(f.source.branches, f.source) {
				all += fmt.Sprintf("%d ", from.perMilli)
			}
		}
	}
	return all
}

// Decode reads the datum b, without its header, into t, whose slices then alias b. It
// is as strict as tweet.Tweet.DecodeAvro: b must be used up, and the tweet must be
// within its limits. On an error t is unchanged.
func (r *Resolver) Decode(b []byte, t *tweet.Tweet) error {
	if r.own {
		return t.DecodeAvro(b)
	}
	switch {
	case len(b) == 0:
		return tweet.ErrEmpty
	case len(b) > MaxDatumBytes:
		return errTooLong
	}
	w := newWire(b)
	p := &r.records[0]
	if r.union {
		w.depth++
		i, err := w.index(len(r.records), errUnion)
		if err != nil {
			return err
		}
		p = &r.records[i]
	}
	if p.err != nil {
		return p.err
	}
	var got tweet.Tweet
	for i := range p.fields {
		if err := w.field(&p.fields[i], &got); err != nil {
			return err
		}
	}
	if w.i != len(b) {
		return tweet.ErrTrailing
	}
	if err := got.Check(); err != nil {
		return err
	}
	*t = got
	return nil
}

func (w *wire) field(f *planField, t *tweet.Tweet) (err error) {
	if f.slot == slotNone {
		return w.skip(f.node)
	}
	s := &f.source
	if s.kind == kindUnion {
		i, err := w.index(len(s.branches), errUnion)
		if err != nil {
			return err
		}
		s = &s.branches[i]
	}
	if s.err != nil {
		return s.err
	}
	switch f.slot {
	case slotID:
		t.ID, err = w.bytes()
	case slotText:
		t.Text, err = w.bytes()
	case slotBrand:
		t.Brand, err = w.bytes()
	case slotSentiment:
		var i int
		if i, err = w.index(len(s.symbols), errEnum); err == nil {
			t.Sentiment, err = s.symbols[i].value, s.symbols[i].err
		}
	case slotTimestamp:
		var v int64
		if s.kind == kindInt {
			v, err = w.int()
		} else {
			v, err = w.long()
		}
		t.Millis = floor(v, s.perMilli)
	}
	return err
}

// floor divides and rounds towards the past.
func floor(v, by int64) int64 {
	q := v / by
	if v%by < 0 {
		q--
	}
	return q
}
