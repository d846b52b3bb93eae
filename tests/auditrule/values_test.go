package auditrule_test

import (
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"

	peer "github.com/twmb/avro"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/audit/avrospec"
	"github.com/brandpulse/brandpulse-connect/internal/audit/tweetrule"
	"github.com/brandpulse/brandpulse-connect/internal/avro"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// Both recognise the same schema as a tweet's own, and compute the same fingerprint.
func TestOwnSchemaIsTheSame(t *testing.T) {
	s, err := avrospec.Parse([]byte(schemas.Tweet))
	if err != nil {
		t.Fatal(err)
	}
	single := tweet.AppendSingleObjectHeader(nil)
	if sum := s.Fingerprint(); string(sum[:]) != string(single[2:]) {
		t.Errorf("the fingerprint is %x, and that of the pipeline %x", sum, single[2:])
	}
	// Only with its own schema is an over-long number rejected.
	d, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.Avro, Schemas: [][]byte{[]byte(schemas.Tweet)}, Resolution: resolution})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Decode([]byte("\x82\x00a\x00\x02B\x00\x00")); err == nil {
		t.Error("an over-long number is accepted: the audit does not recognise a tweet's own schema")
	}
}

// edges returns values at each limit of the rule: a byte below, at and above it.
func edges() []tweet.Tweet {
	var all []tweet.Tweet
	add := func(change func(*tweet.Tweet)) {
		t := tweet.Tweet{ID: []byte("a"), Text: []byte("t"), Brand: []byte("Brand"), Millis: 1767225600000}
		change(&t)
		all = append(all, t)
	}
	for _, n := range []int{0, 1, 63, 64, 255, 256, 257, 16383, 16384, 16385} {
		add(func(t *tweet.Tweet) { t.ID = []byte(strings.Repeat("i", n)) })
		add(func(t *tweet.Tweet) { t.Text = []byte(strings.Repeat("é", n/2) + strings.Repeat("x", n%2)) })
		add(func(t *tweet.Tweet) { t.Brand = []byte(strings.Repeat("b", n)) })
	}
	for s := range tweet.Sentiment(4) {
		add(func(t *tweet.Tweet) { t.Sentiment = s })
	}
	for _, millis := range []int64{0, -1, 1, 999, 1000, -999, -1000, -1001, 1<<63 - 1, -1 << 63, 1<<31 - 1, -1 << 31} {
		add(func(t *tweet.Tweet) { t.Millis = millis })
	}
	ends := []int64{-856, -855, -854, -1, 0, 1, 853, 854, 855} // InfluxDB cannot store whole windows there
	for d := int64(-2002); d <= 2002; d += 7 {
		ends = append(ends, d)
	}
	for _, d := range ends {
		add(func(t *tweet.Tweet) { t.Millis = tweet.MinMillis + d })
		add(func(t *tweet.Tweet) { t.Millis = tweet.MaxMillis + d })
	}
	for _, brand := range []string{"a\nb", "a\rb", `a\`, `a\ b`, `\a`, `a\,b`, `a\=b`, `a\\ b`, "a\\\tb", "\t", " ", ",", "=", `"`, "\x00", "#a", "\xff", "a\xc3", "é\xed\xa0\x80", "\u2028", "😀"} {
		add(func(t *tweet.Tweet) { t.Brand = []byte(brand) })
		add(func(t *tweet.Tweet) { t.Text = []byte(brand) })
		add(func(t *tweet.Tweet) { t.ID = []byte(brand) })
	}
	return all
}

func TestAgreeAtEachLimit(t *testing.T) {
	counted, refused := map[string]int{}, map[string]int{}
	for _, p := range pairs(t) {
		for _, tw := range edges() {
			for writer := -1; writer < len(writers); writer++ {
				value := valueOf(p, writer, &tw)
				if value == nil {
					continue
				}
				if how := p.differ(value); how != "" {
					t.Error(how)
				}
				if _, err := p.audit.Decode(value); err == nil {
					counted[p.name]++
				} else {
					refused[p.name]++
				}
			}
		}
		if counted[p.name] < 400 || refused[p.name] < 400 {
			t.Errorf("%s: %d values counted and %d rejected, too few of one kind to compare", p.name, counted[p.name], refused[p.name])
		}
	}
}

// valueOf encodes a tweet for a pair, with a writer's schema or with its own. It
// returns nil if that is impossible.
func valueOf(p *pair, writer int, tw *tweet.Tweet) []byte {
	if n, found := strings.CutPrefix(p.name, "avro with schema "); found {
		if strconv.Itoa(writer) != n {
			return nil
		}
	} else if writer >= 0 && (p.name == "avro" || p.name == "json") || writer < 0 && p.name == "avro_confluent" {
		return nil
	}
	switch {
	case p.name == "json":
		return tw.AppendJSON(nil)
	case writer < 0:
		return tw.AppendAvro(header(p, writer))
	}
	sentiment := tw.Sentiment.String()
	if writer == 1 && sentiment == "negative" {
		sentiment = "neutral"
	}
	timestamp := any(tw.Millis)
	if unit, ok := map[int]int64{5: 1000, 6: 1000}[writer]; ok {
		if tw.Millis >= math.MaxInt64/unit || tw.Millis <= math.MinInt64/unit {
			return nil
		}
		timestamp = tw.Millis*unit + unit/2
	}
	record := map[string]any{
		"id": string(tw.ID), "text": string(tw.Text), "brand": string(tw.Brand), "sentiment": sentiment, "timestamp": timestamp,
		"b": true, "a": []any{"x", "y"}, "e": "x", "m": map[string]any{"k": 1.5}, "f": []byte("ab"), "z": []any{nil, nil}, "i": -7,
		"u": map[string]any{"lat": 1.5, "in": map[string]any{"lat": 2.5, "in": nil}},
	}
	b, err := writerSchemas[writer].AppendEncode(header(p, writer), record)
	if err != nil {
		return nil
	}
	return b
}

var writerSchemas = func() (all []*peer.Schema) {
	for _, writer := range writers {
		all = append(all, peer.MustParse(writer))
	}
	return all
}()

// Tweets with changed bytes: truncated, spliced, with over-long numbers.
func TestAgreeOnBrokenTweets(t *testing.T) {
	all := pairs(t)
	some := edges()
	counted := 0
	rapid.Check(t, func(t *rapid.T) {
		p := rapid.SampledFrom(all).Draw(t, "encoding")
		tw := rapid.SampledFrom(some[:len(some)-70]).Draw(t, "tweet")
		value := valueOf(p, rapid.IntRange(-1, len(writers)-1).Draw(t, "writer"), &tw)
		for range rapid.IntRange(0, 3).Draw(t, "changes") {
			value = broken(t, value)
		}
		if how := p.differ(value); how != "" {
			t.Fatal(how)
		}
		if _, err := p.audit.Decode(value); err == nil {
			counted++
		}
	})
	if counted == 0 {
		t.Error("no value was counted")
	}
}

func broken(t *rapid.T, value []byte) []byte {
	at := rapid.IntRange(0, len(value)).Draw(t, "at")
	head, tail := value[:at:at], value[at:]
	switch rapid.IntRange(0, 5).Draw(t, "how") {
	case 0:
		return head
	case 1:
		return append(head, append(rapid.SliceOfN(rapid.Byte(), 1, 3).Draw(t, "bytes"), tail...)...)
	case 2:
		if len(tail) > 0 {
			return append(head, tail[1:]...)
		}
	case 3:
		if len(tail) > 0 { // one changed byte
			return append(append(head, rapid.Byte().Draw(t, "byte")), tail[1:]...)
		}
	case 4:
		if len(tail) > 0 { // a number that is longer than necessary
			return append(append(head, tail[0]|0x80, 0), tail[1:]...)
		}
	}
	return append(value[:len(value):len(value)], tail...)
}

// JSON texts that the two could read differently.
var texts = func() []string {
	whole := `"id":"i","text":"t","brand":"B","sentiment":"positive","timestamp":5`
	all := []string{
		`{` + whole + `}`, ` {` + whole + "}\n\t", `{` + whole + `}{}`, `{` + whole + `} x`, `[{` + whole + `}]`, `null`, ``, ` `, `"x"`, `7`, "\ufeff{" + whole + `}`,
		`{` + whole + `,"id":"j"}`, `{` + whole + `,"\u0069d":"j"}`, `{` + whole + `,"ID":"j"}`, `{` + whole + `,"Brand":"x"}`,
		`{` + whole + `,"x":{"a":1,"a":2}}`, `{` + whole + `,"x":[{"a":1,"b":{"a":2}}]}`, `{` + whole + `,"x":[{"b":{"a":2,"\u0061":1}}]}`,
		`{` + whole + `,"x":"\ud800"}`, `{` + whole + `,"x":"\udc00"}`, `{` + whole + `,"x":"\ud800\udc00"}`, `{` + whole + `,"x":"\ud800\ud800"}`, `{` + whole + `,"\ud800":1}`,
		`{` + whole + `,"x":"\\ud800"}`, `{` + whole + `,"x":"\\\ud800"}`, `{` + whole + `,"x":"\ud800\n"}`, `{` + whole + `,"x":"\uD83D\uDe00"}`,
		"{" + whole + ",\"x\":\"\xff\"}", "{" + whole + ",\"x\":\"\xed\xa0\x80\"}", "{" + whole + ",\"x\":\"\x01\"}", "{" + whole + ",\"x\":\"\x7f\"}",
		`{` + whole + `,"x":01}`, `{` + whole + `,"x":-0}`, `{` + whole + `,"x":1e999}`, `{` + whole + `,}`, `{` + whole + `,"x":NaN}`, `{` + whole + `,"x":'a'}`, `{` + whole + `/**/}`,
		`{` + whole + `,"":1,"":2}`,
	}
	for _, name := range []string{`"id":"i"`, `"text":"t"`, `"brand":"B"`, `"sentiment":"positive"`, `"timestamp":5`} {
		key, _, _ := strings.Cut(name, ":")
		all = append(all, strings.Replace(`{`+whole+`}`, name, `"x":1`, 1))
		for _, v := range []string{"null", `""`, "1", "-0", "5.0", "5e0", "1E3", "true", "[]", "{}", `["a"]`, `{"a":1,"a":2}`, `"a\u0000b"`, `"\u0042"`, `"positive\u0020"`, `"Positive"`,
			"9223372036854775807", "9223372036854775808", "-9223372036854775809", "9223372036854", "9223372036855", "-9223372036854", "00", "+5", `"5"`} {
			all = append(all, strings.Replace(`{`+whole+`}`, name, key+":"+v, 1))
		}
	}
	for _, depth := range []int{100, 9997, 9998, 9999, 10000, 10001, 10002} {
		all = append(all, `{`+whole+`,"x":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`,
			`{`+whole+`,"x":`+strings.Repeat(`{"a":`, depth)+"1"+strings.Repeat("}", depth)+`}`)
	}
	return all
}()

func TestAgreeOnJSON(t *testing.T) {
	p := pairs(t)[1]
	counted := 0
	for _, text := range texts {
		if how := p.differ([]byte(text)); how != "" {
			t.Errorf("%.500s", how)
		}
		if _, err := p.audit.Decode([]byte(text)); err == nil {
			counted++
		}
	}
	if counted < 20 || counted > len(texts)-50 {
		t.Errorf("%d of %d values were counted", counted, len(texts))
	}
}

// With a mapping, both reject values that the mapping's parser would repair, and leave
// all others to the mapping.
func mappedPair(t interface{ Fatal(...any) }) *pair {
	mapped := tweet.Tweet{ID: []byte("i"), Brand: []byte("B"), Millis: 5}
	object := map[string]any{"id": "i", "brand": "B", "sentiment": "positive", "timestamp": int64(5)}
	return newPair(t, "mapped json", tweetrule.Options{Encoding: tweetrule.JSON, Mapping: func(*tweetrule.Record) (any, error) { return object, nil }},
		func(b []byte, t *tweet.Tweet) error {
			*t = mapped
			return tweet.CheckJSON(b)
		})
}

func TestAgreeOnJSONBeforeAMapping(t *testing.T) {
	p := mappedPair(t)
	refused := 0
	for _, text := range append(texts, "1", "-1.5e3", `"\ud800"`, `[1,{"a":1,"a":2}]`, "\xff", "[[[", "7 8") {
		if how := p.differ([]byte(text)); how != "" {
			t.Errorf("%.500s", how)
		}
		if _, err := p.audit.Decode([]byte(text)); err != nil {
			refused++
		}
	}
	if refused < 10 || refused > 30 {
		t.Errorf("%d values are rejected before the mapping", refused)
	}
}

// A schema must be usable for both or for neither.
func TestAgreeOnSchemas(t *testing.T) {
	enum := func(symbols string) string {
		return `{"name":"sentiment","type":{"type":"enum","name":"Sentiment","symbols":[` + symbols + `]}}`
	}
	useful := 0
	for _, s := range append([]string{
		``, `{`, `"string"`, schemas.Tweet, "\ufeff" + schemas.Tweet, "\ufeff\ufeff" + schemas.Tweet, schema(id, text, brand, sentiment, timestamp), schema(id, text, brand, sentiment),
		strings.Replace(schemas.Tweet, `"Tweet"`, `"Order"`, 1), strings.Replace(schemas.Tweet, `"com.brandpulse"`, `"org"`, 1),
		strings.Replace(schemas.Tweet, `"Sentiment"`, `"Mood"`, 1), strings.Replace(schemas.Tweet, `"Sentiment"`, `"org.Sentiment"`, 1),
		strings.Replace(schemas.Tweet, "timestamp-millis", "timestamp-micros", 1), strings.Replace(schemas.Tweet, "timestamp-millis", "local-timestamp-millis", 1),
		strings.Replace(schemas.Tweet, "timestamp-millis", "something", 1),
		schema(id, text, brand, enum(`"positive","negative","neutral","mixed"`), timestamp), schema(id, text, brand, enum(`"negative"`), timestamp), schema(id, text, brand, enum(``), timestamp),
		schema(id, text, brand, `{"name":"sentiment","type":"string"}`, timestamp), schema(id, text, brand, `{"name":"sentiment","type":"int"}`, timestamp),
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":"long"}`), schema(id, text, brand, sentiment, `{"name":"timestamp","type":"int"}`),
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":"double"}`), schema(id, text, brand, sentiment, `{"name":"timestamp","type":"string"}`),
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":{"type":"int","logicalType":"date"}}`),
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":["long","int"]}`), schema(id, text, brand, sentiment, `{"name":"timestamp","type":["null","long"]}`),
		schema(id, text, brand, sentiment, `{"name":"timestamp","type":[{"type":"long","logicalType":"timestamp-micros"}]}`),
		schema(id, `{"name":"text","type":["null","string"]}`, brand, sentiment, timestamp), schema(id, `{"name":"text","type":["bytes"]}`, brand, sentiment, timestamp),
		schema(id, `{"name":"text","type":{"type":"fixed","name":"F","size":3}}`, brand, sentiment, timestamp), schema(id, `{"name":"text","type":{"type":"array","items":"string"}}`, brand, sentiment, timestamp),
		schema(`{"name":"id","type":{"type":"string","logicalType":"uuid"}}`, text, brand, sentiment, timestamp), schema(`{"name":"id","type":{"type":"fixed","size":16,"name":"U","logicalType":"uuid"}}`, text, brand, sentiment, timestamp),
		schema(`{"name":"ID","aliases":["id"],"type":"string"}`, text, brand, sentiment, timestamp),
		`[]`, `["string",` + schemas.Tweet + `]`, schema(id, id, text, brand, sentiment, timestamp), schema(`{"name":"id","type":"Unknown"}`, text, brand, sentiment, timestamp),
		`[` + schemas.Tweet + `]`, `["null",` + schemas.Tweet + `]`, `{"type":` + schemas.Tweet + `}`,
		schema(id, text, brand, sentiment, timestamp, `{"name":"again","type":["null","Tweet"]}`),
		nested(100), nested(498), nested(499), nested(500), nested(501), nested(1000), written(10), written(11), written(60),
		schema(id, text, brand, sentiment, timestamp, `{"name":"also","type":"com.brandpulse.Sentiment"}`),
	}, writers...) {
		_, want := avro.NewResolver(s)
		_, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.Avro, Schemas: [][]byte{[]byte(s)}, Resolution: resolution})
		if (err == nil) != (want == nil) {
			t.Errorf("%s: the audit returns %v, the pipeline %v", s, err, want)
		}
		if err == nil {
			useful++
		}
	}
	if useful < 10 {
		t.Errorf("%d schemas are usable", useful)
	}
}

// nested returns a schema with arrays of arrays, to a depth, and written one with
// 2^depth types when all are written out.
func nested(depth int) string {
	return schema(id, text, brand, sentiment, timestamp, `{"name":"x","type":`+strings.Repeat(`{"type":"array","items":`, depth)+`"int"`+strings.Repeat("}", depth)+`}`)
}

func written(depth int) string {
	s := `"null"`
	for i := depth; i > 0; i-- {
		again := `"null"`
		if i < depth {
			again = `"R` + strconv.Itoa(i+1) + `"`
		}
		s = `{"type":"record","name":"R` + strconv.Itoa(i) + `","fields":[{"name":"a","type":` + s + `},{"name":"b","type":` + again + `}]}`
	}
	return schema(id, text, brand, sentiment, timestamp, `{"name":"x","type":`+s+`}`)
}

// While the registry is down, it is unknown whether a record is a tweet.
func TestNoVerdictWhileTheRegistryIsDown(t *testing.T) {
	away := errors.New("connection refused")
	asked := 0
	d, err := tweetrule.New(tweetrule.Options{Encoding: tweetrule.Confluent, Resolution: resolution, Registry: func(uint32) (s tweetrule.RegistrySchema, err error) {
		if asked++; asked == 1 {
			return s, away
		}
		s.Text = []byte(schemas.Tweet)
		return s, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	tw := tweet.Tweet{ID: []byte("a"), Brand: []byte("B"), Millis: 1}
	value := tw.AppendAvro([]byte{0, 0, 0, 0, 7})
	var verdict tweetrule.NotTweet
	if _, err := d.Decode(value); !errors.Is(err, away) || errors.As(err, &verdict) {
		t.Errorf("got %v", err)
	}
	for range 3 {
		if got, err := d.Decode(value); err != nil || got.Brand != "B" {
			t.Errorf("got %+v, %v", got, err)
		}
	}
	if asked != 2 {
		t.Errorf("the registry got %d requests, not 2", asked)
	}
}

// FuzzAgree searches for a value on which the two differ.
func FuzzAgree(f *testing.F) {
	all := append(pairs(f), mappedPair(f))
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add(uint8(len(all)-1), []byte(text))
		}
	}
	for i, p := range all {
		for j, tw := range edges() {
			if j%60 != 0 {
				continue
			}
			for writer := -1; writer < len(writers); writer++ {
				if value := valueOf(p, writer, &tw); value != nil {
					f.Add(uint8(i), value)
				}
			}
		}
	}
	for _, text := range texts {
		if len(text) < 1000 {
			f.Add(uint8(1), []byte(text))
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, value []byte) {
		if how := all[int(which)%len(all)].differ(value); how != "" {
			t.Fatal(how)
		}
	})
}
