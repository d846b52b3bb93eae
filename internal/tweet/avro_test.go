package tweet_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hamba/avro/v2"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/schemas"
)

// peer is a tweet for hamba/avro, an implementation that shares no code with ours.
type peer struct {
	ID        string `avro:"id"`
	Text      string `avro:"text"`
	Brand     string `avro:"brand"`
	Sentiment string `avro:"sentiment"`
	Timestamp int64  `avro:"timestamp"`
}

var peerSchema = avro.MustParse(schemas.Tweet)

func (p *peer) tweet(t interface{ Fatalf(string, ...any) }) tweet.Tweet {
	s, ok := tweet.ParseSentiment(p.Sentiment)
	if !ok {
		t.Fatalf("hamba/avro read the sentiment %q", p.Sentiment)
	}
	return tweet.Tweet{ID: []byte(p.ID), Text: []byte(p.Text), Brand: []byte(p.Brand), Sentiment: s, Millis: p.Timestamp}
}

// If this fails, other producers and consumers do not understand our encoding.
func TestAvroHasTheMeaningThatHambaGivesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyTweet(t)
		var read peer
		if err := avro.Unmarshal(peerSchema, want.AppendAvro(nil), &read); err != nil {
			t.Fatalf("hamba/avro reading ours: %v", err)
		}
		if got := read.tweet(t); !equal(got, want) {
			t.Fatalf("hamba/avro read %+v, want %+v", got, want)
		}
		written, err := avro.Marshal(peerSchema, read)
		if err != nil {
			t.Fatal(err)
		}
		var got tweet.Tweet
		if err := got.DecodeAvro(written); err != nil || !equal(got, want) {
			t.Fatalf("reading hamba/avro's: got %+v, %v, want %+v", got, err, want)
		}
	})
}

func sample() tweet.Tweet {
	return tweet.Tweet{
		ID:        []byte("0d6bfb93-5b3e-4d1a-9d7a-1f6a2c9b8e01"),
		Text:      []byte("Absolutely loving the new SuperCoffee blend, best start of my day!"),
		Brand:     []byte("SuperCoffee"),
		Sentiment: tweet.Positive,
		Millis:    1767225600000,
	}
}

func TestDecodeAvroRefuses(t *testing.T) {
	with := func(change func(*tweet.Tweet)) []byte {
		tw := sample()
		change(&tw)
		return tw.AppendAvro(nil)
	}
	valid := with(func(*tweet.Tweet) {})
	long := func(n int) []byte { return bytes.Repeat([]byte("x"), n) }
	sampleID := sample().ID
	id := append(tweet.AppendLong(nil, int64(len(sampleID))), sampleID...)
	textAndBrand := append(tweet.AppendLong(nil, 0), append(tweet.AppendLong(nil, 1), 'B')...)
	head := append(append([]byte{}, id...), textAndBrand...)

	for name, tc := range map[string]struct {
		in   []byte
		want error
	}{
		"an empty record":                    {nil, tweet.ErrEmpty},
		"trailing bytes":                     {append(bytes.Clone(valid), 0), tweet.ErrTrailing},
		"two tweets in one record":           {append(bytes.Clone(valid), valid...), tweet.ErrTrailing},
		"JSON":                               {[]byte(`{"id":"a"}`), tweet.ErrIDLength},
		"a single-object frame":              {append([]byte{0xC3, 1, 0, 0, 0, 0, 0, 0, 0, 0}, valid...), tweet.ErrIDLength},
		"a Confluent frame":                  {append([]byte{0, 0, 0, 0, 1}, valid...), tweet.ErrIDEmpty},
		"an empty id":                        {with(func(t *tweet.Tweet) { t.ID = nil }), tweet.ErrIDEmpty},
		"an id over its limit":               {with(func(t *tweet.Tweet) { t.ID = long(tweet.MaxIDBytes + 1) }), tweet.ErrIDTooLong},
		"an id that is not UTF-8":            {with(func(t *tweet.Tweet) { t.ID = []byte("a\xff") }), tweet.ErrIDNotUTF8},
		"a text over its limit":              {with(func(t *tweet.Tweet) { t.Text = long(tweet.MaxTextBytes + 1) }), tweet.ErrTextTooLong},
		"a text that is not UTF-8":           {with(func(t *tweet.Tweet) { t.Text = []byte("caf\xe9") }), tweet.ErrTextNotUTF8},
		"a negative text length":             {append(bytes.Clone(id), 1), tweet.ErrTextLength},
		"an empty brand":                     {with(func(t *tweet.Tweet) { t.Brand = nil }), tweet.ErrBrandEmpty},
		"a brand over its limit":             {with(func(t *tweet.Tweet) { t.Brand = long(tweet.MaxBrandBytes + 1) }), tweet.ErrBrandTooLong},
		"a brand that is not UTF-8":          {with(func(t *tweet.Tweet) { t.Brand = []byte{0x80} }), tweet.ErrBrandNotUTF8},
		"a negative brand length":            {append(bytes.Clone(id), 0, 3), tweet.ErrBrandLength},
		"a sentiment outside the enum":       {with(func(t *tweet.Tweet) { t.Sentiment = 7 }), tweet.SentimentError(7)},
		"a negative sentiment":               {append(bytes.Clone(head), 1, 0), tweet.SentimentError(-1)},
		"a timestamp too late for InfluxDB":  {with(func(t *tweet.Tweet) { t.Millis = tweet.MaxMillis + 1 }), tweet.TimestampError(tweet.MaxMillis + 1)},
		"a timestamp too early for InfluxDB": {with(func(t *tweet.Tweet) { t.Millis = tweet.MinMillis - 1 }), tweet.TimestampError(tweet.MinMillis - 1)},
		"an over-long varint":                {append(bytes.Clone(head), 0, 0x80, 0), tweet.ErrVarint},
		"a varint of 65 bits":                {append(bytes.Clone(head), 0, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 2), tweet.ErrVarint},
		"a varint of eleven bytes":           {append(bytes.Clone(head), append([]byte{0}, bytes.Repeat([]byte{0xFF}, 11)...)...), tweet.ErrVarint},
		"a length of 2^62":                   {[]byte{0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1}, tweet.ErrIDTooLong},
	} {
		t.Run(name, func(t *testing.T) {
			got := sample()
			err := got.DecodeAvro(tc.in)
			if !errors.Is(err, tc.want) {
				t.Errorf("got error %v, want %v", err, tc.want)
			}
			if !equal(got, sample()) {
				t.Errorf("the tweet was changed to %+v", got)
			}
		})
	}
}

// If this fails, a truncated record is read as a shorter tweet.
func TestDecodeAvroRefusesEveryPrefix(t *testing.T) {
	tw := sample()
	b := tw.AppendAvro(nil)
	for n := range b {
		if err := new(tweet.Tweet).DecodeAvro(b[:n]); err == nil {
			t.Errorf("the first %d of %d bytes decode", n, len(b))
		}
	}
}

func TestReasonsAreReadable(t *testing.T) {
	for err, want := range map[error]string{
		tweet.ErrTrailing:       "trailing bytes after the tweet",
		tweet.SentimentError(7): "sentiment 7 is not in the enum",
	} {
		if err.Error() != want {
			t.Errorf("got %q, want %q", err, want)
		}
	}
	// The limits are part of the texts of constant errors.
	for err, want := range map[error]string{
		tweet.ErrIDTooLong: "256", tweet.ErrBrandTooLong: "256", tweet.ErrTextTooLong: "16384",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name the limit %s", err, want)
		}
	}
}

// An append to one field must not overwrite the next, which follows it in the same
// buffer.
func TestDecodedFieldsHaveNoSpareCapacity(t *testing.T) {
	tw := sample()
	b := tw.AppendAvro(nil)
	var got tweet.Tweet
	if err := got.DecodeAvro(b); err != nil {
		t.Fatal(err)
	}
	_ = append(got.ID, "overwritten"...)
	if string(got.Text) != string(tw.Text) {
		t.Errorf("text is now %q", got.Text)
	}
}

func TestCodecDoesNotAllocate(t *testing.T) {
	tw := sample()
	raw, foreign := tw.AppendAvro(nil), []byte(`{"not":"avro"}`)
	buf := make([]byte, 0, 512)
	var got tweet.Tweet
	for name, f := range map[string]func(){
		"AppendAvro":            func() { buf = tw.AppendAvro(buf[:0]) },
		"AppendJSON":            func() { buf = tw.AppendJSON(buf[:0]) },
		"AppendSingleObject":    func() { buf = tw.AppendSingleObject(buf[:0]) },
		"DecodeAvro":            func() { _ = got.DecodeAvro(raw) },
		"DecodeAvro, an error":  func() { _ = got.DecodeAvro(foreign) },
		"DecodeAvro, cut short": func() { _ = got.DecodeAvro(raw[:20]) },
	} {
		if n := testing.AllocsPerRun(100, f); n > 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}
