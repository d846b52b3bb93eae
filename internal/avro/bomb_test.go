package avro_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	ours "github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// graph returns records of two fields each, nested depth deep: 2^depth values in a text
// that grows by 88 bytes per level.
func graph(depth int, leaf string) string {
	s := leaf
	for i := depth - 1; i >= 0; i-- {
		again := leaf
		if i+1 < depth {
			again = fmt.Sprintf(`"R%d"`, i+1)
		}
		s = fmt.Sprintf(`{"type":"record","name":"R%d","fields":[{"name":"a","type":%s},{"name":"b","type":%s}]}`, i, s, again)
	}
	return s
}

func withField(typ string) string {
	return schema(fieldID, fieldText, fieldBrand, fieldSentiment, fieldTimestamp, `{"name":"x","type":`+typ+`}`)
}

// If this fails, a hostile schema or record takes more than a moment.
func TestBombs(t *testing.T) {
	tw := tweet.Tweet{ID: []byte("i"), Text: []byte("t"), Brand: []byte("b"), Millis: 1700000000000}
	datum := tw.AppendAvro(nil)
	huge := append(tweet.AppendLong(append([]byte{}, datum...), 1<<62), 0)
	unions := make([]string, 40)
	for i := range unions {
		unions[i] = fmt.Sprintf(`{"type":"record","name":"U%d","fields":[{"name":"x","type":%s}]}`, i, strings.Repeat(`["null",{"type":"array","items":`, 2)+`"int"`+strings.Repeat("}]", 2))
	}
	for name, tc := range map[string]struct {
		schema string
		says   string // reason why the schema is rejected
		datum  []byte
		fails  string // reason why the datum is rejected
	}{
		"a graph of nulls":            {schema: withField(graph(60, `"null"`)), says: "more than 4096 types"},
		"a graph of ints":             {schema: withField(graph(60, `"int"`)), says: "more than 4096 types"},
		"a graph in a union":          {schema: withField(`["null",` + graph(60, `"null"`) + `]`), says: "more than 4096 types"},
		"a graph in a map":            {schema: withField(`{"type":"map","values":` + graph(60, `"null"`) + `}`), says: "more than 4096 types"},
		"a graph that is small":       {schema: withField(graph(10, `"null"`)), datum: datum},
		"items of a graph":            {schema: withField(`{"type":"array","items":` + graph(10, `"null"`) + `}`), datum: huge, fails: "more than 4096 values"},
		"2^62 nulls":                  {schema: withField(`{"type":"array","items":"null"}`), datum: huge, fails: "more than 4096 values"},
		"2^62 records without fields": {schema: withField(`{"type":"array","items":{"type":"record","name":"E","fields":[]}}`), datum: huge, fails: "more than 4096 values"},
		"2^62 fixed of no bytes":      {schema: withField(`{"type":"array","items":{"type":"fixed","name":"F","size":0}}`), datum: huge, fails: "more than 4096 values"},
		"2^62 entries":                {schema: withField(`{"type":"map","values":"null"}`), datum: huge, fails: "bytes end"},
		"a huge fixed":                {schema: withField(`{"type":"fixed","name":"F","size":9223372036854775807}`), datum: datum, fails: "bytes end"},
		"a record in itself":          {schema: withField(`{"type":"record","name":"L","fields":[{"name":"next","type":"L"}]}`), datum: datum, fails: "nested more than 1000 deep"},
		"two records in each other": {schema: withField(`{"type":"record","name":"A","fields":[{"name":"l","type":{"type":"record","name":"B","fields":[{"name":"a","type":"A"},{"name":"c","type":"A"}]}},{"name":"r","type":"B"}]}`),
			datum: datum, fails: "more"},
		"a long list": {schema: withField(`{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}`),
			datum: append(append(append([]byte{}, datum...), []byte(strings.Repeat("\x02", 900_000))...), 0), fails: "nested more than 1000 deep"},
		"deep arrays": {schema: withField(strings.Repeat(`{"type":"array","items":`, 3000) + `"int"` + strings.Repeat(`}`, 3000)), says: "parsing an Avro schema"},
		"many unions": {schema: withField("[" + strings.Join(unions, ",") + "]"), datum: append(append([]byte{}, datum...), 0, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			begin := time.Now()
			r, err := ours.NewResolver(tc.schema)
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("a schema of %d bytes took %v", len(tc.schema), took)
			}
			if tc.says != "" {
				if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 1000 {
					t.Errorf("got %.300v, want an error that says %q", err, tc.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got tweet.Tweet
			begin = time.Now()
			err = r.Decode(tc.datum, &got)
			if took := time.Since(begin); took > 2*time.Second {
				t.Errorf("a record of %d bytes took %v", len(tc.datum), took)
			}
			if tc.fails == "" && err != nil || tc.fails != "" && (err == nil || !strings.Contains(err.Error(), tc.fails)) {
				t.Errorf("got %v, want an error that says %q", err, tc.fails)
			}
		})
	}
}

// A record of a megabyte with a value in each byte is read: the bounds apply to records
// that declare more values than they contain.
func TestALargeRecordIsRead(t *testing.T) {
	r, err := ours.NewResolver(withField(`{"type":"array","items":["null","int"]}`))
	if err != nil {
		t.Fatal(err)
	}
	tw := tweet.Tweet{ID: []byte("i"), Text: []byte("t"), Brand: []byte("b"), Millis: 1}
	datum := tweet.AppendLong(tw.AppendAvro(nil), 1_000_000)
	datum = append(append(datum, make([]byte, 1_000_000)...), 0)
	var got tweet.Tweet
	if err := r.Decode(datum, &got); err != nil {
		t.Error(err)
	}
}

// Decoding does not allocate, except for errors with a number: a topic may have many
// records of other kinds.
func TestDecodeDoesNotAllocate(t *testing.T) {
	for _, p := range recordedPairs(t) {
		r, err := ours.NewResolver(p.Writer, p.References...)
		if err != nil {
			continue
		}
		datum := unhex(t, p.Datum)
		var got tweet.Tweet
		if n := testing.AllocsPerRun(100, func() { _ = r.Decode(datum, &got) }); n > 1 {
			t.Errorf("%s: %v allocations", p.Name, n)
		}
	}
}
