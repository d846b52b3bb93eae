package tweetrule

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/brandpulse/brandpulse-connect/internal/audit/avrospec"
)

// ownSchema is the schema of a tweet.
const ownSchema = `{"type": "record", "name": "com.brandpulse.Tweet", "fields": [
	{"name": "id", "type": "string"},
	{"name": "text", "type": "string"},
	{"name": "brand", "type": "string"},
	{"name": "sentiment", "type": {"type": "enum", "name": "Sentiment", "symbols": ["positive", "negative", "neutral"]}},
	{"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}}
]}`

// maxDatumBytes bounds a datum of another schema, including the fields that are
// skipped.
const maxDatumBytes = 1 << 20

// datum reads the data of one schema.
type datum struct {
	selection *avrospec.Selection
	own       bool
	units     string // for each timestamp in the schema
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

// newDatum prepares to read a writer's schema. Its error is the reason why none of the
// schema's data is a tweet.
func newDatum(writer *avrospec.Schema) (*datum, error) {
	selection, err := writer.Select(wanted, "id", "text", "brand", "sentiment", "timestamp")
	if err != nil {
		return nil, err
	}
	d := &datum{selection: selection, units: units(writer.Type())}
	d.own = d.units == ownUnits && writer.Canonical() == own.Canonical()
	return d, nil
}

var ownUnits = units(own.Type())

// units returns the units of the timestamps in a schema, which the canonical form and
// so the fingerprint do not include.
func units(t avrospec.Type) (all string) {
	for _, record := range append(t.Union, t) {
		for _, f := range record.Fields {
			if f.Name != "timestamp" {
				continue
			}
			for _, of := range append(f.Type.Union, f.Type) {
				all += fmt.Sprintf("%d ", unitsPerMilli(of.Kind, of.Logical))
			}
		}
	}
	return all
}

// wanted returns the reason why records of a type cannot be tweets, or nil.
func wanted(t avrospec.Type) error {
	if t.Kind != avrospec.Record || !named(t.Name, "Tweet") {
		return NotTweet(fmt.Sprintf("it is %s %s, not the record Tweet", t.Kind, t.Name))
	}
	for _, f := range t.Fields {
		branches := []avrospec.Type{f.Type}
		if f.Type.Kind == avrospec.Union {
			branches = f.Type.Union
		}
		if !slices.ContainsFunc(branches, func(b avrospec.Type) bool { return fits(f.Name, b) }) {
			return NotTweet(fmt.Sprintf("its field %s is %s %s %s, which cannot be a field of a tweet", f.Name, f.Type.Kind, f.Type.Name, f.Type.Logical))
		}
	}
	return nil
}

// fits reports whether values of type t can be a field of a tweet.
func fits(name string, t avrospec.Type) bool {
	switch name {
	case "id", "text", "brand":
		return isText(t.Kind)
	case "sentiment":
		return t.Kind == avrospec.Enum && named(t.Name, "Sentiment") && slices.ContainsFunc(t.Symbols, isSentiment)
	case "timestamp":
		return unitsPerMilli(t.Kind, t.Logical) > 0
	}
	return true
}

func isText(k avrospec.Kind) bool { return k == avrospec.String || k == avrospec.Bytes }

func isSentiment(s string) bool { return s == "positive" || s == "negative" || s == "neutral" }

// unitsPerMilli returns how many units of a timestamp make a millisecond, 0 if the type
// does not define it.
func unitsPerMilli(k avrospec.Kind, logical string) int64 {
	local := strings.TrimPrefix(logical, "local-")
	switch {
	case k != avrospec.Long && k != avrospec.Int:
		return 0
	case logical == "" || local == "timestamp-millis":
		return 1
	case k == avrospec.Int:
		return 0
	case local == "timestamp-micros":
		return 1000
	case local == "timestamp-nanos":
		return 1_000_000
	}
	return 0
}

// named compares names without the namespace, as "Schema Resolution" in the
// specification does.
func named(full, name string) bool {
	return full[strings.LastIndexByte(full, '.')+1:] == name
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
	units := unitsPerMilli(v[4].Kind, v[4].Logical)
	switch {
	case !isText(v[0].Kind) || !isText(v[1].Kind) || !isText(v[2].Kind) || v[3].Kind != avrospec.Enum || !named(v[3].Name, "Sentiment") || units == 0:
		return errBranch
	case !isSentiment(v[3].Symbol):
		return errSentiment
	}
	*t = raw{id: v[0].Bytes, text: v[1].Bytes, brand: v[2].Bytes, sentiment: v[3].Symbol, millis: v[4].Int / units}
	if v[4].Int%units < 0 { // / rounds towards 0
		t.millis--
	}
	if d.own && len(b) != t.ownBytes() {
		return errShortest
	}
	return nil
}

// ownBytes returns the least size of the tweet in its own schema.
func (t *raw) ownBytes() int {
	n := 1 // the sentiment
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
	errBranch     NotTweet = "a field has a value, such as null, that a tweet cannot have"
	errShortest   NotTweet = "a number is not in its shortest form"
	errMark       NotTweet = "it does not begin with the marker c3 01 of Avro's single-object encoding and a fingerprint"
	errUnknown    NotTweet = "no known schema has its fingerprint"
	errConfluent  NotTweet = "it does not begin with a zero byte and the id of a schema"
	errResolution NotTweet = "the schema that it names does not describe tweets"
)

// notAvro converts errors of avrospec to reasons, without an allocation.
func notAvro(err error) error {
	if reason, ok := avroReasons[err]; ok {
		return reason
	}
	if reason, ok := err.(NotTweet); ok { //nolint:errorlint // the reader returns its own errors unwrapped, and errors.As allocates
		return reason
	}
	return NotTweet(err.Error())
}

var avroReasons = func() map[error]error {
	reasons := map[error]error{}
	for _, err := range []error{
		avrospec.ErrTruncated, avrospec.ErrTrailing, avrospec.ErrVarint, avrospec.ErrLength, avrospec.ErrUTF8,
		avrospec.ErrEnum, avrospec.ErrUnion, avrospec.ErrBlock, avrospec.ErrDepth, avrospec.ErrSteps,
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
		// The fingerprint does not include the unit of the timestamp.
		if before := known[writer.Fingerprint()]; before != nil && before.units != d.units {
			return nil, errors.New("two schemas with one fingerprint have timestamps in different units")
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

// maxSchemas bounds the cache: ids come from the records.
const maxSchemas = 1000

func readConfluent(registry func(uint32) (RegistrySchema, error)) func([]byte, *raw) error {
	known := map[uint32]*datum{} // nil: not a schema of tweets, which is final
	return func(b []byte, t *raw) error {
		if len(b) < 5 || b[0] != 0 {
			return errConfluent
		}
		id := binary.BigEndian.Uint32(b[1:])
		d, ok := known[id]
		if !ok {
			schema, err := registry(id)
			if err != nil && !errors.Is(err, ErrNoSchema) {
				return fmt.Errorf("reading schema %d: %w", id, err)
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

// datumOf returns nil if a schema does not describe tweets.
func datumOf(schema RegistrySchema) *datum {
	writer, err := avrospec.Parse(schema.Text, schema.References...)
	if err != nil {
		return nil
	}
	d, err := newDatum(writer)
	if err != nil {
		return nil
	}
	return d
}
