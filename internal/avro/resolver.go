// Package avro reads tweets that were written with another version of our
// schema: fields added, dropped, in another order, numbers of a narrower type.
// It can be used where a record names its schema (the single-object and the
// Confluent frame); a raw datum of another schema cannot be recognised.
//
// The Avro library stays behind this package. It is twmb/avro and not
// hamba/avro: the latter is no longer maintained, lets the end of the input
// and trailing bytes pass, overflows the stack on a dropped field of a
// recursive type, and loops 2^62 times over an array of nulls that ten bytes
// announce. Tweets of our own schema do not come here at all: see
// tweet.Tweet.DecodeAvro.
package avro

import (
	"bytes"
	"fmt"

	"github.com/twmb/avro"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// MaxSchemaBytes bounds a writer's schema, which may come from a registry.
const MaxSchemaBytes = 1 << 20

// MaxDatumBytes bounds one record of another schema, dropped fields included.
const MaxDatumBytes = 1 << 20

var own = avro.MustParse(schemas.Tweet)

// Resolver reads the tweets of one writer's schema. It can be used by many
// goroutines at once.
type Resolver struct {
	resolved *avro.Schema // nil: the writer's schema is our own
}

// NewResolver prepares for the Avro schema writerSchema (JSON). It is an error
// if a tweet cannot be made from every such record by Avro's rules of schema
// resolution (a fourth sentiment or a field that may be null is enough), or if
// their timestamp is not in milliseconds.
func NewResolver(writerSchema string) (*Resolver, error) {
	writer, err := parse(writerSchema)
	if err != nil {
		return nil, err
	}
	if err := checkTimestamp(writer.Root()); err != nil {
		return nil, err
	}
	if bytes.Equal(writer.Canonical(), own.Canonical()) {
		return &Resolver{}, nil
	}
	resolved, err := avro.Resolve(writer, own)
	if err != nil {
		return nil, fmt.Errorf("resolving the schema to that of a tweet: %w", err)
	}
	return &Resolver{resolved: resolved}, nil
}

// Fingerprint is the CRC-64-AVRO of a schema's canonical form, as it stands in
// the header of a single object.
func Fingerprint(schema string) (uint64, error) {
	parsed, err := parse(schema)
	if err != nil {
		return 0, err
	}
	sum := avro.NewRabin()
	sum.Write(parsed.Canonical())
	return sum.Sum64(), nil
}

func parse(schema string) (*avro.Schema, error) {
	if len(schema) > MaxSchemaBytes {
		return nil, fmt.Errorf("parsing an Avro schema: it has %d bytes, more than %d", len(schema), MaxSchemaBytes)
	}
	parsed, err := avro.Parse(schema)
	if err != nil {
		return nil, fmt.Errorf("parsing an Avro schema: %w", err)
	}
	return parsed, nil
}

// checkTimestamp refuses a timestamp in another unit. Avro's rules compare the
// type alone, so microseconds would pass for milliseconds.
func checkTimestamp(root *avro.SchemaNode) error {
	for i := range root.Branches { // a union of records
		if err := checkTimestamp(&root.Branches[i]); err != nil {
			return err
		}
	}
	for _, field := range root.Fields {
		if field.Name != "timestamp" {
			continue
		}
		for _, typ := range append(field.Type.Branches, field.Type) {
			switch typ.LogicalType {
			case "", "timestamp-millis":
			default:
				return fmt.Errorf("the timestamp is %s, not timestamp-millis", typ.LogicalType)
			}
		}
	}
	return nil
}

// record is a tweet for the library, which finds its fields by these tags.
type record struct {
	ID        []byte `avro:"id"`
	Text      []byte `avro:"text"`
	Brand     []byte `avro:"brand"`
	Sentiment string `avro:"sentiment"`
	Timestamp int64  `avro:"timestamp"`
}

// Decode reads the datum b, without its frame, into t. It is as strict as
// tweet.Tweet.DecodeAvro: b must be used up and what comes of it must keep a
// tweet's limits. For our own schema t aliases b, for others it does not. On
// an error t is unchanged.
func (r *Resolver) Decode(b []byte, t *tweet.Tweet) error {
	if r.resolved == nil {
		return t.DecodeAvro(b)
	}
	switch {
	case len(b) == 0:
		return tweet.ErrEmpty
	case len(b) > MaxDatumBytes:
		return fmt.Errorf("the record has %d bytes, more than %d", len(b), MaxDatumBytes)
	}
	var rec record
	rest, err := r.resolved.Decode(b, &rec)
	if err != nil {
		return fmt.Errorf("reading Avro: %w", err)
	}
	if len(rest) > 0 {
		return tweet.ErrTrailing
	}
	sentiment, ok := tweet.ParseSentiment(rec.Sentiment)
	if !ok {
		return tweet.ErrSentimentName
	}
	got := tweet.Tweet{ID: rec.ID, Text: rec.Text, Brand: rec.Brand, Sentiment: sentiment, Millis: rec.Timestamp}
	if err := got.Check(); err != nil {
		return err
	}
	*t = got
	return nil
}
