// Package decoded shows bytes as far as they can be decoded: the values in them with
// their positions, and the byte at which decoding stopped, with the reason. It is for
// the eyes of a person who looks for the fault, so it continues where the pipeline
// would give up, and decides nothing.
package decoded

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/brandpulse/brandpulse-connect/internal/audit/avrospec"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// Encoding is how bytes are decoded.
type Encoding string

// The encodings: those of sentiment_window, and what else a dead letter can be.
const (
	Auto         Encoding = "auto"
	Avro         Encoding = "avro"
	SingleObject Encoding = "avro_single_object"
	Confluent    Encoding = "avro_confluent"
	JSON         Encoding = "json"
	Line         Encoding = "line"
	RecordBatch  Encoding = "record_batch"
)

// Encodings returns all encodings.
func Encodings() []Encoding {
	return []Encoding{Auto, Avro, SingleObject, Confluent, JSON, Line, RecordBatch}
}

var errTrailing = errors.New("bytes follow the value")

// MaxValues bounds the values of a Result: a megabyte can hold a million.
const MaxValues = 200

// Value is a value in the bytes.
type Value struct {
	From int    `json:"byte"` // -1: not known
	Path string `json:"name"`
	Text string `json:"value"`
}

// Result is how far bytes could be decoded.
type Result struct {
	As     Encoding `json:"as"`
	Values []Value  `json:"values"`
	// More is the number of values after the first MaxValues.
	More int `json:"more,omitempty"`
	// Stopped is the byte at which decoding stopped, -1 if all bytes were decoded, or if
	// it never began, for want of a schema.
	Stopped int    `json:"stopped"`
	In      string `json:"stopped_in,omitempty"` // the value that could not be read
	Err     error  `json:"-"`
}

// Schema is the text of an Avro schema, and of those that it refers to.
type Schema struct {
	Text       []byte
	References [][]byte
}

// Options say how to decode.
type Options struct {
	Encoding Encoding
	// Schemas are the schemas with which values may be written; without any, it is that
	// of a tweet.
	Schemas []Schema
	// Registry returns the schema with an id; nil if there is no registry.
	Registry func(id uint32) (Schema, error)
}

// Of decodes bytes. Auto recognizes the encoding by their beginning: raw Avro of a
// tweet begins with the length of its id, an even byte above 0, which no other begins
// with. Anything that is not recognized is decoded as Avro.
func Of(b []byte, o Options) Result {
	r := Result{As: o.Encoding, Values: []Value{}, Stopped: -1}
	if r.As == Auto || r.As == "" {
		r.As = recognized(b)
	}
	switch r.As {
	case SingleObject:
		r.singleObject(b, o)
	case Confluent:
		r.confluent(b, o)
	case JSON:
		r.json(b)
	case Line:
		r.line(b)
	case RecordBatch:
		r.recordBatch(b)
	default:
		r.As = Avro
		r.avro(b, 0, first(o.Schemas))
	}
	return r
}

func recognized(b []byte) Encoding {
	text := bytes.TrimLeft(b, " \t\r\n")
	if _, _, is := tweet.SplitSingleObject(b); is {
		return SingleObject
	}
	if _, _, is := tweet.SplitConfluent(b); is {
		if _, err := recordbatch.ParseHeader(b); err == nil {
			return RecordBatch // base offsets below 2^56 begin with 0 too
		}
		return Confluent
	}
	if len(text) > 0 && (text[0] == '{' || text[0] == '[') {
		return JSON
	}
	return Avro
}

func first(schemas []Schema) Schema {
	if len(schemas) > 0 {
		return schemas[0]
	}
	return tweetSchema()
}

func tweetSchema() Schema { return Schema{Text: []byte(schemas.Tweet)} }

func (r *Result) add(from int, path, text string) {
	if len(r.Values) >= MaxValues {
		r.More++
		return
	}
	r.Values = append(r.Values, Value{from, path, text})
}

func (r *Result) stop(at int, in string, err error) { r.Stopped, r.In, r.Err = at, in, err }

// avro decodes the datum that begins at b[at].
func (r *Result) avro(b []byte, at int, text Schema) {
	schema, err := avrospec.Parse(text.Text, text.References...)
	if err != nil {
		r.stop(-1, "", fmt.Errorf("reading the schema: %w", err))
		return
	}
	stopped, path, err := schema.Trace(b[at:], func(v *avrospec.Traced) {
		if len(r.Values) >= MaxValues {
			r.More++
			return
		}
		r.add(at+v.From, v.Path(), shown(v.Value))
	})
	if err != nil {
		r.stop(at+stopped, path, err)
	}
}

func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return v
	case []byte:
		return fmt.Sprintf("%d bytes: %x", len(v), v[:min(len(v), 32)])
	}
	return fmt.Sprint(v)
}

func (r *Result) singleObject(b []byte, o Options) {
	fingerprint, _, ok := tweet.SplitSingleObject(b)
	if !ok {
		r.stop(0, "the header", errors.New("the bytes do not begin with the header of the single-object encoding, C3 01 and a fingerprint"))
		return
	}
	r.add(2, "fingerprint", fmt.Sprintf("%016x", fingerprint))
	for _, text := range append([]Schema{tweetSchema()}, o.Schemas...) {
		schema, err := avrospec.Parse(text.Text, text.References...)
		if err != nil {
			r.stop(-1, "", fmt.Errorf("reading the schema: %w", err))
			return
		}
		if sum := schema.Fingerprint(); string(sum[:]) == string(b[2:tweet.SingleObjectHeaderBytes]) {
			r.avro(b, tweet.SingleObjectHeaderBytes, text)
			return
		}
	}
	r.stop(2, "fingerprint", errors.New("no known schema has this fingerprint. Name the file of its schema with --schema"))
}

func (r *Result) confluent(b []byte, o Options) {
	id, _, ok := tweet.SplitConfluent(b)
	if !ok {
		r.stop(0, "the header", errors.New("the bytes do not begin with the header of a schema registry, 00 and the id of a schema"))
		return
	}
	r.add(1, "schema id", strconv.FormatUint(uint64(id), 10))
	switch {
	case len(o.Schemas) > 0:
		r.avro(b, tweet.ConfluentHeaderBytes, o.Schemas[0])
	case o.Registry == nil:
		r.stop(1, "schema id", errors.New("the schema is in a schema registry. Name a pipeline that uses this registry with --pipeline, or the file of the schema with --schema"))
	default:
		text, err := o.Registry(id)
		if err != nil {
			r.stop(1, "schema id", err)
			return
		}
		r.avro(b, tweet.ConfluentHeaderBytes, text)
	}
}
