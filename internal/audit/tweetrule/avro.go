package tweetrule

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/audit/avrospec"
)

// ownSchema is that of a tweet.
const ownSchema = `{"type": "record", "name": "com.brandpulse.Tweet", "fields": [
	{"name": "id", "type": "string"},
	{"name": "text", "type": "string"},
	{"name": "brand", "type": "string"},
	{"name": "sentiment", "type": {"type": "enum", "name": "Sentiment", "symbols": ["positive", "negative", "neutral"]}},
	{"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}}
]}`

// maxDatumBytes bounds a datum of another schema, what is passed over included.
const maxDatumBytes = 1 << 20

// datum reads the data of one schema.
type datum struct {
	selection *avrospec.Selection
	own       bool
	values    [5]avrospec.Value
}

var own = mustParse(ownSchema)

func mustParse(schema string) *avrospec.Schema {
	s, err := avrospec.Parse([]byte(schema))
	if err != nil {
		panic(err)
	}
	return s
}

// newDatum prepares for a writer's schema. The error says why its data are no
// tweets.
func newDatum(writer *avrospec.Schema) (*datum, error) {
	if err := checkSchema(writer.Type()); err != nil {
		return nil, err
	}
	selection, err := writer.Select("id", "text", "brand", "sentiment", "timestamp")
	if err != nil {
		return nil, err
	}
	return &datum{selection: selection, own: writer.Canonical() == own.Canonical()}, nil
}

// checkSchema tells whether a tweet can be made of each record of the schema.
func checkSchema(t avrospec.Type) error {
	if t.Kind == avrospec.Union {
		for _, branch := range t.Union {
			if err := checkSchema(branch); err != nil {
				return err
			}
		}
		return nil
	}
	if t.Kind != avrospec.Record || !named(t, "Tweet") {
		return fmt.Errorf("the schema is %s %s, not the record Tweet", t.Kind, t.Name)
	}
	for _, f := range t.Fields {
		branches := []avrospec.Type{f.Type}
		if f.Type.Kind == avrospec.Union {
			branches = f.Type.Union
		}
		for _, b := range branches {
			if !fits(f.Name, b) {
				return fmt.Errorf("its field %s may be %s %s %s, of which no tweet can be made", f.Name, b.Kind, b.Name, b.Logical)
			}
		}
	}
	return nil
}

// fits tells whether a field of a tweet may be of the type t.
func fits(name string, t avrospec.Type) bool {
	switch name {
	case "id", "text", "brand":
		return t.Kind == avrospec.String || t.Kind == avrospec.Bytes
	case "sentiment":
		return t.Kind == avrospec.Enum && named(t, "Sentiment") && !slices.ContainsFunc(t.Symbols, func(s string) bool {
			return s != "positive" && s != "negative" && s != "neutral"
		})
	case "timestamp":
		return (t.Kind == avrospec.Long || t.Kind == avrospec.Int) && (t.Logical == "" || t.Logical == "timestamp-millis")
	}
	return true
}

// named compares without the namespace, as "Schema Resolution" in the
// specification does.
func named(t avrospec.Type, name string) bool {
	return t.Name[strings.LastIndexByte(t.Name, '.')+1:] == name
}

func (d *datum) read(b []byte, t *raw) error {
	if len(b) == 0 {
		return errEmpty
	}
	if len(b) > maxDatumBytes && !d.own {
		return errLong
	}
	v := &d.values
	if err := d.selection.Read(b, v[:]); err != nil {
		return notAvro(err)
	}
	*t = raw{id: v[0].Bytes, text: v[1].Bytes, brand: v[2].Bytes, sentiment: v[3].Symbol, millis: v[4].Int}
	if d.own && len(b) != t.ownBytes() {
		return errShortest
	}
	return nil
}

// ownBytes is how many bytes the tweet takes in its own schema at least.
func (t *raw) ownBytes() int {
	n := 1 // of the sentiment
	for _, s := range [][]byte{t.id, t.text, t.brand} {
		n += longBytes(int64(len(s))) + len(s)
	}
	return n + longBytes(t.millis)
}

func longBytes(v int64) int {
	n := 1
	for u := uint64(v<<1 ^ v>>63); u >= 0x80; u >>= 7 {
		n++
	}
	return n
}

const (
	errShortest   NotTweet = "a number does not have its shortest form"
	errMark       NotTweet = "it does not begin with the mark c3 01 of Avro's single-object encoding and a fingerprint"
	errUnknown    NotTweet = "the schema of its fingerprint is not known"
	errConfluent  NotTweet = "it does not begin with a zero byte and the id of a schema"
	errResolution NotTweet = "of the schema that it names no tweet can be made"
)

// notAvro gives errors of avrospec as reasons, without an allocation each.
func notAvro(err error) error {
	if reason, ok := avroReasons[err]; ok {
		return reason
	}
	return NotTweet(err.Error())
}

var avroReasons = func() map[error]error {
	reasons := map[error]error{}
	for _, err := range []error{
		avrospec.ErrTruncated, avrospec.ErrTrailing, avrospec.ErrVarint, avrospec.ErrLength, avrospec.ErrUTF8,
		avrospec.ErrEnum, avrospec.ErrUnion, avrospec.ErrBlock, avrospec.ErrDepth, avrospec.ErrItems,
	} {
		reasons[err] = NotTweet(err.Error())
	}
	return reasons
}()

func readAvro(schemas [][]byte) (func([]byte, *raw) error, error) {
	writer := own
	var err error
	switch len(schemas) {
	case 0:
	case 1:
		if writer, err = avrospec.Parse(schemas[0]); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("%d schemas: raw Avro has one", len(schemas))
	}
	d, err := newDatum(writer)
	if err != nil {
		return nil, err
	}
	return d.read, nil
}

func readSingleObject(schemas [][]byte) (func([]byte, *raw) error, error) {
	known := map[[8]byte]*datum{}
	for _, schema := range append([][]byte{[]byte(ownSchema)}, schemas...) {
		writer, err := avrospec.Parse(schema)
		if err != nil {
			return nil, err
		}
		d, err := newDatum(writer)
		if err != nil {
			return nil, err
		}
		known[writer.Fingerprint()] = d
	}
	return func(b []byte, t *raw) error {
		if len(b) < 10 || b[0] != 0xc3 || b[1] != 0x01 {
			return errMark
		}
		d := known[[8]byte(b[2:10])]
		if d == nil {
			return errUnknown
		}
		return d.read(b[10:], t)
	}, nil
}

// maxSchemas bounds what is kept: ids come from the records.
const maxSchemas = 1000

func readConfluent(registry func(uint32) ([]byte, error)) func([]byte, *raw) error {
	known := map[uint32]*datum{} // nil: final
	return func(b []byte, t *raw) error {
		if len(b) < 5 || b[0] != 0 {
			return errConfluent
		}
		id := binary.BigEndian.Uint32(b[1:])
		d, ok := known[id]
		if !ok {
			schema, err := registry(id)
			if err != nil && !errors.Is(err, ErrNoSchema) {
				return fmt.Errorf("getting the schema %d: %w", id, err)
			}
			if err == nil {
				d = datumOf(schema)
			}
			if len(known) >= maxSchemas {
				clear(known)
			}
			known[id] = d
		}
		if d == nil {
			return errResolution
		}
		return d.read(b[5:], t)
	}
}

// datumOf gives nil if no tweet can be made of a schema.
func datumOf(schema []byte) *datum {
	writer, err := avrospec.Parse(schema)
	if err != nil {
		return nil
	}
	d, err := newDatum(writer)
	if err != nil {
		return nil
	}
	return d
}
