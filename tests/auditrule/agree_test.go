// Package auditrule_test shows that the audit's rule of a tweet
// (internal/audit/tweetrule) and the pipeline's agree on every value. The two share no
// code. Where they differed, the audit would report a difference that does not exist,
// or miss one.
package auditrule_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/lineproto"
	"github.com/brandpulse/brandpulse-connect/internal/stamp"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const resolution = time.Second

// pair reads values in both ways.
type pair struct {
	name     string
	audit    *tweetrule.Decoder
	pipeline func(value []byte, t *tweet.Tweet) error
	law      stamp.Law
}

func newPair(t interface{ Fatal(...any) }, name string, o tweetrule.Options, pipeline func([]byte, *tweet.Tweet) error) *pair {
	o.Resolution = resolution
	audit, err := tweetrule.New(o)
	if err != nil {
		t.Fatal(name, err)
	}
	law, err := stamp.New(o.Resolution, 64)
	if err != nil {
		t.Fatal(err)
	}
	return &pair{name, audit, pipeline, law}
}

// expected returns the tweet that sentiment_window counts for a value: it must decode,
// line protocol must be able to carry its brand, and InfluxDB to store its window.
func (p *pair) expected(value []byte) (want tweetrule.Tweet, err error) {
	var t tweet.Tweet
	if err := p.pipeline(value, &t); err != nil {
		return want, err
	}
	if err := lineproto.CheckTagValue(t.Brand); err != nil {
		return want, err
	}
	start, err := p.law.Floor(t.Millis)
	if err != nil {
		return want, err
	}
	return tweetrule.Tweet{Brand: string(t.Brand), Sentiment: t.Sentiment.String(), Millis: t.Millis, Start: start}, nil
}

// differ returns how the two results for a value differ.
func (p *pair) differ(value []byte) string {
	want, wantErr := p.expected(value)
	got, err := p.audit.Decode(value)
	if (err == nil) != (wantErr == nil) || got != want {
		return fmt.Sprintf("%s: for %q the audit returns %+v, %v, the pipeline %+v, %v", p.name, value, got, err, want, wantErr)
	}
	var verdict tweetrule.NotTweet
	if err != nil && !errors.As(err, &verdict) {
		return fmt.Sprintf("%s: for %q the audit has no verdict: %v", p.name, value, err)
	}
	return ""
}

func schema(fields ...string) string {
	s := `{"type":"record","name":"Tweet","namespace":"com.brandpulse","fields":[`
	for i, f := range fields {
		if i > 0 {
			s += ","
		}
		s += f
	}
	return s + `]}`
}

const (
	id        = `{"name":"id","type":"string"}`
	text      = `{"name":"text","type":"string"}`
	brand     = `{"name":"brand","type":"string"}`
	sentiment = `{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":["positive","negative","neutral"]}}`
	timestamp = `{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}`
)

// writers are schemas that tweets may be written with, besides their own.
var writers = []string{
	schema(timestamp, sentiment, brand, text, id),
	schema(`{"name":"id","type":["bytes","string"]}`, `{"name":"text","type":"bytes"}`, brand,
		`{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":["neutral","positive"]}}`,
		`{"name":"timestamp","type":["int",{"type":"long","logicalType":"timestamp-millis"}]}`),
	schema(`{"name":"b","type":"boolean"}`, id, `{"name":"a","type":{"type":"array","items":"string"}}`, text,
		`{"name":"e","type":{"type":"enum","name":"Mood","symbols":["x"]}}`, brand, `{"name":"m","type":{"type":"map","values":"double"}}`,
		sentiment, `{"name":"u","type":["null",{"type":"record","name":"Place","fields":[{"name":"lat","type":"float"},{"name":"in","type":["null","Place"]}]}]}`,
		timestamp, `{"name":"f","type":{"type":"fixed","name":"F","size":2}}`, `{"name":"z","type":{"type":"array","items":"null"}}`, `{"name":"i","type":"int"}`),
	// The same encoding as a tweet's own schema, which must not be recognised by its
	// name.
	`{"type":"record","name":"org.example.Tweet","fields":[` + id + `,` + text + `,` + brand + `,` +
		`{"name":"sentiment","type":{"type":"enum","name":"org.example.Sentiment","symbols":["positive","negative","neutral"]}},` + timestamp + `]}`,
	`[` + schema(timestamp, id, text, brand, sentiment) + `,` +
		strings.Replace(schema(brand, id, text, sentiment, timestamp), "com.brandpulse", "org.example", 1) + `]`,
	// Some records of these are tweets.
	schema(`{"name":"id","type":["null","string"]}`, `{"name":"text","type":["null","string","int"]}`, `{"name":"brand","type":["string","null"]}`,
		`{"name":"sentiment","type":["null",{"type":"enum","name":"Sentiment","symbols":["mixed","negative","positive","neutral"]}]}`,
		`{"name":"timestamp","type":["null","int",{"type":"long","logicalType":"timestamp-micros"}]}`),
	`["null",{"type":"record","name":"Other","fields":[{"name":"a","type":"long"}]},` +
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":{"type":"long","logicalType":"local-timestamp-micros"}}`) + `]`,
}

// pairs returns all encodings that sentiment_window reads.
func pairs(t interface{ Fatal(...any) }) []*pair {
	var all []*pair
	all = append(all,
		newPair(t, "avro", tweetrule.Options{Encoding: tweetrule.Avro}, func(b []byte, t *tweet.Tweet) error { return t.DecodeAvro(b) }),
		newPair(t, "json", tweetrule.Options{Encoding: tweetrule.JSON}, func(b []byte, t *tweet.Tweet) error { return t.DecodeJSON(b) }))
	known := map[uint64]*avro.Resolver{}
	var schemas [][]byte
	for i, writer := range writers {
		r, err := avro.NewResolver(writer)
		if err != nil {
			t.Fatal(writer, err)
		}
		fingerprint, err := avro.Fingerprint(writer)
		if err != nil {
			t.Fatal(err)
		}
		known[fingerprint] = r
		schemas = append(schemas, []byte(writer))
		all = append(all, newPair(t, fmt.Sprintf("avro with schema %d", i),
			tweetrule.Options{Encoding: tweetrule.Avro, Schemas: schemas[i:]}, r.Decode))
	}
	all = append(all,
		newPair(t, "avro_single_object", tweetrule.Options{Encoding: tweetrule.SingleObject, Schemas: schemas}, func(b []byte, t *tweet.Tweet) error {
			fingerprint, datum, ok := tweet.SplitSingleObject(b)
			switch r := known[fingerprint]; {
			case !ok:
				return errors.New("no header")
			case fingerprint == tweet.Fingerprint:
				return t.DecodeAvro(datum)
			case r == nil:
				return errors.New("unknown")
			default:
				return r.Decode(datum, t)
			}
		}),
		newPair(t, "avro_confluent", tweetrule.Options{Encoding: tweetrule.Confluent, Registry: registry}, func(b []byte, t *tweet.Tweet) error {
			id, datum, ok := tweet.SplitConfluent(b)
			if !ok {
				return errors.New("no header")
			}
			schema, err := registry(id)
			if err != nil {
				return err
			}
			r, err := avro.NewResolver(string(schema.Text))
			if err != nil {
				return err
			}
			return r.Decode(datum, t)
		}))
	return all
}

func registry(id uint32) (s tweetrule.RegistrySchema, err error) {
	if id >= uint32(len(writers)) {
		return s, tweetrule.ErrNoSchema
	}
	return tweetrule.RegistrySchema{Text: []byte(writers[id])}, nil
}

// header returns the bytes before a datum, in the encoding of a pair.
func header(p *pair, writer int) []byte {
	switch p.name {
	case "avro_single_object":
		if writer < 0 {
			return tweet.AppendSingleObjectHeader(nil)
		}
		sum, err := avro.Fingerprint(writers[writer])
		if err != nil {
			panic(err)
		}
		return binary.LittleEndian.AppendUint64([]byte{0xc3, 0x01}, sum)
	case "avro_confluent":
		return binary.BigEndian.AppendUint32([]byte{0}, uint32(max(0, writer)))
	}
	return nil
}
