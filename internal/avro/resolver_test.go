package avro_test

import (
	"errors"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	ours "github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// schema builds a writer's schema from the text of its fields.
func schema(fields ...string) string {
	return `{"type":"record","name":"Tweet","namespace":"com.brandpulse","fields":[` + strings.Join(fields, ",") + `]}`
}

const (
	fieldID        = `{"name":"id","type":"string"}`
	fieldText      = `{"name":"text","type":"string"}`
	fieldBrand     = `{"name":"brand","type":"string"}`
	fieldSentiment = `{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":["positive","negative","neutral"]}}`
	fieldTimestamp = `{"name":"timestamp","type":{"type":"long","logicalType":"timestamp-millis"}}`
)

// Each of these is a version of our schema that a producer may use while it is a
// version ahead or behind.
var versions = map[string]string{
	"our own":              schemas.Tweet,
	"with a mark in front": "\ufeff" + schemas.Tweet,
	"without doc and uuid": schema(fieldID, fieldText, fieldBrand, fieldSentiment, fieldTimestamp),
	"reordered":            schema(fieldTimestamp, fieldSentiment, fieldBrand, fieldText, fieldID),
	"with added fields": schema(`{"name":"lang","type":"string","default":"en"}`, fieldID, fieldText,
		`{"name":"tags","type":{"type":"array","items":"string"},"default":[]}`, fieldBrand, fieldSentiment,
		`{"name":"scores","type":{"type":"map","values":"double"},"default":{}}`, fieldTimestamp,
		`{"name":"place","type":["null",{"type":"record","name":"Place","fields":[{"name":"lat","type":"double"},{"name":"none","type":"null"}]}],"default":null}`),
	"with a recursive field": schema(fieldID, fieldText, fieldBrand, fieldSentiment, fieldTimestamp,
		`{"name":"reply","type":["null",{"type":"record","name":"Reply","fields":[{"name":"to","type":"string"},{"name":"next","type":["null","Reply"]}]}],"default":null}`),
	"with a text of bytes": schema(fieldID, `{"name":"text","type":"bytes"}`, fieldBrand, fieldSentiment, fieldTimestamp),
	"with enum reordered": schema(fieldID, fieldText, fieldBrand,
		`{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":["neutral","negative","positive"]}}`, fieldTimestamp),
	"with an array of nulls": schema(`{"name":"nothing","type":{"type":"array","items":"null"},"default":[]}`,
		fieldID, fieldText, fieldBrand, fieldSentiment, fieldTimestamp),
}

// datum encodes a tweet with the peer, hamba/avro, with any version of the schema.
func datum(t interface{ Fatal(...any) }, version string, tw tweet.Tweet) []byte {
	var text any = string(tw.Text)
	if strings.Contains(versions[version], `{"name":"text","type":"bytes"}`) {
		text = tw.Text
	}
	b, err := avro.Marshal(avro.MustParse(strings.TrimPrefix(versions[version], "\ufeff")), map[string]any{
		"id": string(tw.ID), "text": text, "brand": string(tw.Brand),
		"sentiment": tw.Sentiment.String(), "timestamp": tw.Millis,
		"lang": "de", "tags": []any{"a", "b"}, "scores": map[string]any{"x": 1.5}, "nothing": []any{},
		"place": map[string]any{"com.brandpulse.Place": map[string]any{"lat": 1.0, "none": nil}},
		"reply": map[string]any{"com.brandpulse.Reply": map[string]any{"to": "me", "next": nil}},
	})
	if err != nil {
		t.Fatal(version, err)
	}
	return b
}

func resolver(t interface{ Fatal(...any) }, version string) *ours.Resolver {
	r, err := ours.NewResolver(versions[version])
	if err != nil {
		t.Fatal(version, err)
	}
	return r
}

// If this fails, tweets of a producer that is a version ahead or behind are lost or
// changed.
func TestTweetsOfEveryVersionAreRead(t *testing.T) {
	for version := range versions {
		t.Run(version, func(t *testing.T) {
			r := resolver(t, version)
			rapid.Check(t, func(t *rapid.T) {
				want := tweet.Tweet{
					ID:        []byte(rapid.StringMatching(`[a-f0-9]{1,36}`).Draw(t, "id")),
					Text:      []byte(rapid.String().Draw(t, "text")),
					Brand:     []byte(rapid.SampledFrom([]string{"SuperCoffee", "é", "x"}).Draw(t, "brand")),
					Sentiment: tweet.Sentiment(rapid.IntRange(0, 2).Draw(t, "sentiment")),
					Millis:    rapid.Int64Range(tweet.MinMillis, tweet.MaxMillis).Draw(t, "millis"),
				}
				b := datum(t, version, want)
				var got tweet.Tweet
				if err := r.Decode(b, &got); err != nil {
					t.Fatal(err)
				}
				if string(got.AppendAvro(nil)) != string(want.AppendAvro(nil)) {
					t.Fatalf("got %+v, want %+v", got, want)
				}
				if err := r.Decode(append(b, 0), &got); !errors.Is(err, tweet.ErrTrailing) {
					t.Fatalf("with a trailing byte: %v", err)
				}
				for n := range b {
					if err := r.Decode(b[:n], &got); err == nil {
						t.Fatalf("the first %d of %d bytes are accepted as a tweet", n, len(b))
					}
				}
			})
		})
	}
}

func TestNewResolverRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ schema, says string }{
		"no JSON":            {"tweet", "parsing an Avro schema"},
		"no record":          {`"string"`, "resolving the schema"},
		"another record":     {strings.Replace(schemas.Tweet, `"Tweet"`, `"Order"`, 1), "resolving the schema"},
		"no timestamp":       {schema(fieldID, fieldText, fieldBrand, fieldSentiment), "timestamp"},
		"a text timestamp":   {schema(fieldID, fieldText, fieldBrand, fieldSentiment, `{"name":"timestamp","type":"string"}`), "timestamp"},
		"a float timestamp":  {schema(fieldID, fieldText, fieldBrand, fieldSentiment, `{"name":"timestamp","type":"double"}`), "timestamp"},
		"fortnights":         {strings.Replace(schemas.Tweet, "timestamp-millis", "timestamp-fortnights", 1), "timestamp is long (timestamp-fortnights)"},
		"a union of them":    {"[" + strings.Replace(schemas.Tweet, "timestamp-millis", "timestamp-fortnights", 1) + "]", "timestamp is long (timestamp-fortnights)"},
		"other sentiments":   {strings.Replace(schemas.Tweet, `"positive", "negative", "neutral"`, `"mixed"`, 1), `"mixed"`},
		"only a null text":   {strings.Replace(schemas.Tweet, `"text", "type": "string"`, `"text", "type": ["null","int"]`, 1), "text is null"},
		"an unknown type":    {schema(fieldID, `{"name":"text","type":"com.acme.Text"}`, fieldBrand, fieldSentiment, fieldTimestamp), "com.acme.Text"},
		"a schema too large": {strings.Repeat(" ", ours.MaxSchemaBytes) + schemas.Tweet, "more than"},
	} {
		_, err := ours.NewResolver(tc.schema)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: got %v, want an error that says %q", name, err, tc.says)
		}
	}
}

// Values that Avro's rules allow but a tweet cannot have.
func TestDecodeKeepsTheLimitsOfATweet(t *testing.T) {
	r := resolver(t, "reordered")
	good := tweet.Tweet{ID: []byte("a"), Brand: []byte("B"), Millis: 1}
	for name, tc := range map[string]struct {
		change func(*tweet.Tweet)
		want   error
	}{
		"an empty id":          {func(t *tweet.Tweet) { t.ID = nil }, tweet.ErrIDEmpty},
		"an empty brand":       {func(t *tweet.Tweet) { t.Brand = nil }, tweet.ErrBrandEmpty},
		"a text too long":      {func(t *tweet.Tweet) { t.Text = make([]byte, tweet.MaxTextBytes+1) }, tweet.ErrTextTooLong},
		"a text not in UTF-8":  {func(t *tweet.Tweet) { t.Text = []byte{0xff} }, tweet.ErrTextNotUTF8},
		"a timestamp too late": {func(t *tweet.Tweet) { t.Millis = tweet.MaxMillis + 1 }, tweet.TimestampError(tweet.MaxMillis + 1)},
	} {
		bad := good
		tc.change(&bad)
		got := good
		if err := r.Decode(datum(t, "reordered", bad), &got); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
		if string(got.ID) != "a" || got.Millis != 1 {
			t.Errorf("%s: the tweet was changed", name)
		}
	}
	if err := r.Decode(nil, &good); !errors.Is(err, tweet.ErrEmpty) {
		t.Errorf("an empty record: %v", err)
	}
	if err := r.Decode(make([]byte, ours.MaxDatumBytes+1), &good); err == nil {
		t.Error("a record above the limit is accepted")
	}
}

// Ten bytes can declare an array of 2^62 nulls or a text of 2^40 bytes. One such record
// must not block the processor or exhaust the memory.
func TestDeclaredSizesAreNotTrusted(t *testing.T) {
	huge := tweet.AppendLong(nil, 1<<62)
	nulls := append(append([]byte{}, huge...), make([]byte, 100)...)
	text := append(tweet.AppendLong(append([]byte{2, 'a'}, 0), 0), huge...)
	var got tweet.Tweet
	for version, b := range map[string][]byte{"with an array of nulls": nulls, "with added fields": text, "with a text of bytes": append([]byte{2, 'a'}, huge...)} {
		r := resolver(t, version)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := r.Decode(b, &got); err == nil {
			t.Errorf("%s: decoded", version)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes allocated for a record of %d", version, grown, len(b))
		}
	}
}

func TestFingerprint(t *testing.T) {
	got, err := ours.Fingerprint(schemas.Tweet)
	if err != nil || got != tweet.Fingerprint {
		t.Errorf("got %#x, %v, want %#x", got, err, tweet.Fingerprint)
	}
	other, err := ours.Fingerprint(versions["reordered"])
	if err != nil || other == got {
		t.Errorf("another schema has the fingerprint %#x, %v", other, err)
	}
	if _, err := ours.Fingerprint("{"); err == nil {
		t.Error("an invalid schema has a fingerprint")
	}
}

// A processor is shared by all pipeline threads. Run with -race.
func TestResolverIsSafeForManyGoroutines(t *testing.T) {
	r := resolver(t, "with added fields")
	want := tweet.Tweet{ID: []byte("a"), Text: []byte("t"), Brand: []byte("B"), Millis: 5}
	b := datum(t, "with added fields", want)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				var got tweet.Tweet
				if err := r.Decode(b, &got); err != nil || got.Millis != 5 {
					t.Errorf("got %v, %v", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// Any bytes are a tweet within the limits, or an error.
func FuzzResolver(f *testing.F) {
	var resolvers []*ours.Resolver
	for i, version := range slices.Sorted(maps.Keys(versions)) {
		resolvers = append(resolvers, resolver(f, version))
		f.Add(uint8(i), datum(f, version, tweet.Tweet{ID: []byte("a"), Text: []byte("t"), Brand: []byte("B"), Millis: 5}))
	}
	f.Fuzz(func(t *testing.T, which uint8, b []byte) {
		r := resolvers[int(which)%len(resolvers)]
		var got tweet.Tweet
		if err := r.Decode(b, &got); err == nil {
			if err := got.Check(); err != nil {
				t.Errorf("%x: decoded, yet %v", b, err)
			}
		}
	})
}

// Any text is a schema that tweets can be read with, or an error.
func FuzzNewResolver(f *testing.F) {
	for _, s := range versions {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ours.NewResolver(s)
		if err != nil {
			return
		}
		var got tweet.Tweet
		_ = r.Decode([]byte{2, 'a', 0, 2, 'B', 0, 0}, &got)
	})
}

// BenchmarkLargestSchema reads the record that takes the most steps per byte.
func BenchmarkLargestSchema(b *testing.B) {
	r, err := ours.NewResolver(withField(graph(10, `"null"`)))
	if err != nil {
		b.Fatal(err)
	}
	tw := tweet.Tweet{ID: []byte("i"), Brand: []byte("b"), Millis: 1}
	raw := tw.AppendAvro(nil)
	b.ReportAllocs()
	var got tweet.Tweet
	for b.Loop() {
		if err := r.Decode(raw, &got); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResolver(b *testing.B) {
	for _, version := range []string{"our own", "with added fields"} {
		b.Run(strings.ReplaceAll(version, " ", "_"), func(b *testing.B) {
			r := resolver(b, version)
			raw := datum(b, version, tweet.Tweet{ID: make([]byte, 36), Text: make([]byte, 66), Brand: []byte("SuperCoffee"), Millis: 1767225600000})
			b.ReportAllocs()
			b.SetBytes(int64(len(raw)))
			var got tweet.Tweet
			for b.Loop() {
				if err := r.Decode(raw, &got); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tweets/s")
		})
	}
}
