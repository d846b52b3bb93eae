// Package tweetrule is the audit's own reading of the rule that says which value
// of a Kafka record is a tweet that counts. It is written from the documentation
// of sentiment_window, and shares no code with it. The rule:
//
//   - id, text, brand: UTF-8; the id has 1 to 256 bytes, the brand 1 to 256, the
//     text at most 16384;
//   - sentiment: positive, negative or neutral;
//   - timestamp: whole milliseconds from -9223372036854 to 9223372036854, which
//     InfluxDB can say in nanoseconds;
//   - InfluxDB can store it: all of the window (or resolution) that the timestamp
//     lies in is between its first and its last nanosecond, and line protocol can
//     carry the brand, which is so unless it has a newline, ends in a backslash,
//     or has a backslash before a space.
//
// As Avro it must be one datum of the writer's schema and use up all bytes.
// By another schema than a tweet's own it must be the record Tweet (the namespace
// does not matter), or a union's branch that is. Its fields may be more, which are
// passed over, and in any order. The value of id, text and brand is a string or
// bytes, that of sentiment a symbol of the enum Sentiment, that of timestamp a long
// or int of milliseconds, or a long whose logical type says microseconds or
// nanoseconds, rounded towards the past. Where the schema has a union, the branch
// that the value has decides. What is passed over has at most 4096 values, and 16
// more for each byte of the datum, nested at most 1000 deep; the datum has at most
// a mebibyte, and its schema, written out, 4096 types. With a tweet's own schema
// (the same canonical form, and milliseconds) each number must have its shortest
// form instead.
//
// As JSON it is one object that has these five members and none of them null, in
// any order; others are passed over. In no object of it may a name occur twice.
// The timestamp has neither a fraction nor an exponent.
//
// Where the pipeline has timestamp_bounds, the timestamp is within them.
//
// With a mapping, the tweet is made from the mapping's result: see mapped.go.
package tweetrule

import (
	"errors"
	"fmt"
	"time"
)

// Values of the field `encoding` of sentiment_window.
const (
	Avro         = "avro"
	SingleObject = "avro_single_object"
	Confluent    = "avro_confluent"
	JSON         = "json"
)

// Options are the settings that decide what counts, as in sentiment_window.
type Options struct {
	Encoding string
	// Schemas are the Avro schemas in schema_files: for Avro none or the one
	// writer's schema, for SingleObject any number beside the tweet's own.
	Schemas [][]byte
	// Registry returns the Avro schema with an id, for Confluent. An error that wraps
	// ErrNoSchema is final: values with that id are not tweets. After any other error
	// it is unknown whether they are. It is called once per id, and again after other
	// errors.
	Registry func(id uint32) (RegistrySchema, error)
	// Mapping returns the object that the user's mapping creates from a record, for
	// JSON; nil if there is no mapping. Its errors are final: the record is not a tweet
	// or, with ErrFiltered, was deleted on purpose.
	Mapping func(*Record) (any, error)
	// Bounds are the user's bounds of timestamps.
	Bounds Bounds
	// Resolution is the window, or the resolution with `emit: tweets`: whole
	// milliseconds.
	Resolution time.Duration
}

// Bounds are the timestamps that count, inclusive. The zero value allows all.
type Bounds struct {
	Min, Max time.Time // zero: no bound
	// Before and After are relative to the record's own timestamp; nil means no bound.
	// If either is set, a record with a negative timestamp, which means none in Kafka,
	// is not a tweet.
	Before, After *time.Duration
}

// RegistrySchema is an Avro schema and the schemas that it refers to, each after those
// that it refers to itself.
type RegistrySchema struct {
	Text       []byte
	References [][]byte
}

// ErrNoSchema is a final error of Options.Registry.
var ErrNoSchema = errors.New("the schema registry has no Avro schema of this id")

// ErrFiltered means that the user's mapping deletes the record: it is neither a tweet
// nor a dead letter.
var ErrFiltered = errors.New("the mapping deletes it")

// Record is a Kafka record as a mapping sees it.
type Record struct {
	Topic      string
	Partition  int32
	Offset     int64
	Timestamp  int64 // milliseconds since the Unix epoch
	Key, Value []byte
	Headers    []Header
}

// Header is a header of a record.
type Header struct {
	Name  string
	Value []byte
}

// Tweet has the fields of a tweet that count.
type Tweet struct {
	Brand     string // shared between tweets; valid after the next call
	Sentiment string // positive, negative or neutral
	Millis    int64  // since the Unix epoch
	// Start is the start of its window, in nanoseconds since the Unix epoch.
	Start int64
}

// NotTweet is a reason why a value does not count.
type NotTweet string

func (r NotTweet) Error() string { return string(r) }

// Decoder decodes values. It must not be used by several goroutines at once.
type Decoder struct {
	read       func(value []byte, t *raw) error
	mapped     func(r *Record, t *raw) error // called instead of read, or nil
	resolution int64                         // ns
	bounds     Bounds
	raw        raw
	record     Record // of Decode
	brand      string // the last one
	brands     map[string]string
}

// New returns a decoder, or an error for invalid options.
func New(o Options) (*Decoder, error) {
	r := o.Resolution
	if r < time.Millisecond || r > 24*time.Hour || r%time.Millisecond != 0 {
		return nil, fmt.Errorf("the window is %s: it must be whole milliseconds, from 1ms to 24h", r)
	}
	d := &Decoder{resolution: int64(r), bounds: o.Bounds, brands: map[string]string{}}
	var err error
	switch o.Encoding {
	case Avro:
		d.read, err = readAvro(o.Schemas)
	case SingleObject:
		d.read, err = readSingleObject(o.Schemas)
	case Confluent:
		if o.Registry == nil {
			return nil, fmt.Errorf("the encoding %s needs a schema registry", Confluent)
		}
		d.read = readConfluent(o.Registry)
	case JSON:
		d.read = readJSON
		if o.Mapping != nil {
			d.mapped = readMapped(o.Mapping)
		}
	default:
		return nil, fmt.Errorf("the encoding is %q: it must be %s, %s, %s or %s", o.Encoding, Avro, SingleObject, Confluent, JSON)
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// Decode returns the tweet in the value of a record. An error that is a NotTweet
// (errors.As) is a verdict: the pipeline must not have counted the record. So is
// ErrFiltered. Any other error means that this could not be determined.
func (d *Decoder) Decode(value []byte) (Tweet, error) {
	d.record = Record{Value: value}
	return d.DecodeRecord(&d.record)
}

// DecodeRecord is Decode for rules that need more than the value: a mapping that reads
// metadata, or bounds relative to the record's timestamp.
func (d *Decoder) DecodeRecord(r *Record) (Tweet, error) {
	t := &d.raw
	var err error
	if d.mapped != nil {
		err = d.mapped(r, t)
	} else {
		err = d.read(r.Value, t)
	}
	if err != nil {
		return Tweet{}, err
	}
	if err := t.check(d.mapped != nil); err != nil {
		return Tweet{}, err
	}
	if !d.bounds.allow(t.millis, r.Timestamp) {
		return Tweet{}, errBounds
	}
	start, ok := Floor(t.millis, d.resolution)
	if !ok {
		return Tweet{}, errTimeRange
	}
	return Tweet{Brand: d.intern(t.brand), Sentiment: t.sentiment, Millis: t.millis, Start: start}, nil
}

// maxBrands bounds the cache, since brands come from the records.
const maxBrands = 1 << 14

func (d *Decoder) intern(brand []byte) string {
	if string(brand) == d.brand {
		return d.brand
	}
	s, ok := d.brands[string(brand)]
	if !ok {
		if len(d.brands) >= maxBrands {
			clear(d.brands)
		}
		s = string(brand)
		d.brands[s] = s
	}
	d.brand = s
	return s
}
