package tweet_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// jsonPeer is a tweet for encoding/json.
type jsonPeer struct {
	ID        string `json:"id"`
	Text      string `json:"text"`
	Brand     string `json:"brand"`
	Sentiment string `json:"sentiment"`
	Timestamp int64  `json:"timestamp"`
}

func TestJSONHasTheMeaningThatTheStandardLibraryGivesIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := anyTweet(t)
		var read jsonPeer
		if err := json.Unmarshal(want.AppendJSON(nil), &read); err != nil {
			t.Fatalf("encoding/json reading ours: %v", err)
		}
		if got := (&peer{read.ID, read.Text, read.Brand, read.Sentiment, read.Timestamp}).tweet(t); !equal(got, want) {
			t.Fatalf("encoding/json read %+v, want %+v", got, want)
		}
		written, err := json.Marshal(read)
		if err != nil {
			t.Fatal(err)
		}
		var got tweet.Tweet
		if err := got.DecodeJSON(written); err != nil || !equal(got, want) {
			t.Fatalf("reading encoding/json's: got %+v, %v, want %+v", got, err, want)
		}
	})
}

// A tweet's bytes are UTF-8, but an encoder that writes invalid bytes unchanged creates
// a document that no reader accepts.
func TestAppendJSONWritesInvalidUTF8AsReplacement(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.SliceOf(rapid.Byte()).Draw(t, "bytes")
		var got string
		if err := json.Unmarshal(tweet.AppendQuoted(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", tweet.AppendQuoted(nil, s), err)
		}
		quoted, err := json.Marshal(string(s))
		if err != nil {
			t.Fatal(err)
		}
		var want string
		if err := json.Unmarshal(quoted, &want); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Fatalf("%q reads as %q, by encoding/json as %q", s, got, want)
		}
	})
}

func TestDecodeJSON(t *testing.T) {
	whole := `{"id":"a","text":"hi","brand":"B","sentiment":"neutral","timestamp":1767225600000}`
	want := tweet.Tweet{ID: []byte("a"), Text: []byte("hi"), Brand: []byte("B"), Sentiment: tweet.Neutral, Millis: 1767225600000}
	replaced := func(old, new string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q is not in the sample", old)
		}
		return strings.Replace(whole, old, new, 1)
	}
	for name, in := range map[string]string{
		"as we write it":            whole,
		"with space around":         " \n" + whole + "\r\n\t",
		"in another order":          `{"timestamp":1767225600000,"sentiment":"neutral","brand":"B","text":"hi","id":"a"}`,
		"with members we ignore":    replaced(`"text"`, `"lang":"en","geo":{"id":"z","text":[1,{}]},"text"`),
		"with escapes in values":    replaced(`"hi"`, `"\u0068i"`),
		"with escapes in the names": replaced(`"text"`, `"te\u0078t"`),
		"with an ignored exponent":  replaced(`"text"`, `"likes":1.5e3,"text"`),
	} {
		var got tweet.Tweet
		if err := got.DecodeJSON([]byte(in)); err != nil || !equal(got, want) {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}

	for name, tc := range map[string]struct {
		in   string
		want error  // if set, the error must be this one
		says string // the error must contain this
	}{
		"nothing":                     {"", tweet.ErrEmpty, ""},
		"only space":                  {" \n", tweet.ErrEmpty, ""},
		"an array":                    {"[" + whole + "]", tweet.ErrNotObject, "an array"},
		"a string":                    {`"tweet"`, tweet.ErrNotObject, "encoded twice"},
		"a number":                    {" 5", tweet.ErrNotObject, "begins with '5'"},
		"a byte order mark":           {"\ufeff" + whole, tweet.ErrNotObject, "ef bb bf"},
		"UTF-16":                      {"\xff\xfe{\x00}\x00", tweet.ErrNotObject, "UTF-16"},
		"Avro":                        {"\x02a", tweet.ErrNotObject, "the byte 02"},
		"two objects":                 {whole + whole, tweet.ErrTrailing, ""},
		"trailing bytes":              {whole + "x", tweet.ErrTrailing, ""},
		"a cut object":                {whole[:40], nil, "reading JSON"},
		"a comma too many":            {replaced("}", ",}"), nil, "reading JSON"},
		"no id":                       {replaced(`"id":"a",`, ""), tweet.ErrNoID, ""},
		"an empty id":                 {replaced(`"a"`, `""`), tweet.ErrIDEmpty, ""},
		"no text":                     {replaced(`"text":"hi",`, ""), tweet.ErrNoText, ""},
		"no brand":                    {replaced(`"brand":"B",`, ""), tweet.ErrNoBrand, ""},
		"an empty brand":              {replaced(`"B"`, `""`), tweet.ErrBrandEmpty, ""},
		"no sentiment":                {replaced(`"sentiment":"neutral",`, ""), tweet.ErrNoSentiment, ""},
		"no timestamp":                {replaced(`,"timestamp":1767225600000`, ""), tweet.ErrNoTimestamp, ""},
		"a null timestamp":            {replaced(`1767225600000`, "null"), tweet.ErrNoTimestamp, ""},
		"a null id":                   {replaced(`"a"`, "null"), tweet.ErrNoID, ""},
		"a null sentiment":            {replaced(`"neutral"`, "null"), tweet.ErrNoSentiment, ""},
		"a name in another case":      {replaced(`"timestamp"`, `"Timestamp"`), tweet.ErrNoTimestamp, ""},
		"a float timestamp":           {replaced(`1767225600000`, "1767225600000.0"), tweet.ErrNotInteger, "it is a number, 1767225600000.0, with a fraction"},
		"a timestamp with exponent":   {replaced(`1767225600000`, "1.7672256e12"), tweet.ErrNotInteger, ""},
		"a timestamp with exponent E": {replaced(`1767225600000`, "1E12"), tweet.ErrNotInteger, ""},
		"a timestamp in a string":     {replaced(`1767225600000`, `"1767225600000"`), tweet.ErrNotInteger, `must be an integer, milliseconds since 1970; it is a string, "1767225600000"`},
		"a timestamp in an object":    {replaced(`1767225600000`, `{"ms":1}`), tweet.ErrNotInteger, `an object, {"ms":1}`},
		"a long timestamp":            {replaced(`1767225600000`, `"`+strings.Repeat("1", 100)+`"`), tweet.ErrNotInteger, "it is a string"},
		"a timestamp over 64 bits":    {replaced(`1767225600000`, "17672256000001767225600000"), nil, "out of range"},
		"a timestamp in nanoseconds":  {replaced(`1767225600000`, "1767225600000000000"), tweet.TimestampError(1767225600000000000), ""},
		"a sentiment of its own":      {replaced(`"neutral"`, `"angry"`), tweet.ErrSentimentName, ""},
		"a sentiment as a number":     {replaced(`"neutral"`, `2`), nil, "the sentiment is not a string; it is a number, 2"},
		"a text as a number":          {replaced(`"hi"`, `7`), nil, "the text is not a string"},
		"a doubled name":              {replaced(`"text"`, `"id":"b","text"`), nil, "duplicate"},
		"invalid UTF-8":               {replaced("hi", "h\xff"), nil, "UTF-8"},
		"half a surrogate pair":       {replaced("hi", `\ud83d`), nil, "surrogate"},
		"a text over the limit":       {replaced("hi", strings.Repeat("x", tweet.MaxTextBytes+1)), tweet.ErrTextTooLong, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := sample()
			err := got.DecodeJSON([]byte(tc.in))
			switch {
			case err == nil:
				t.Fatalf("decoded to %+v", got)
			case tc.want != nil && !errors.Is(err, tc.want):
				t.Errorf("got error %q, want %q", err, tc.want)
			case !strings.Contains(err.Error(), tc.says):
				t.Errorf("error %q does not say %q", err, tc.says)
			}
			if !equal(got, sample()) {
				t.Errorf("the tweet was changed to %+v", got)
			}
		})
	}
}
