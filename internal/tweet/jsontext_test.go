package tweet_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const wholeJSON = `{"id":"a","text":"hi","brand":"B","sentiment":"neutral","timestamp":1767225600000,"x":VALUE}`

// JSON that a parser would repair, with parts of the errors. JSON that is valid, and
// text that is not JSON, has none.
var repaired = map[string]string{
	`1`:                               "",
	`"\ud83d\ude00 \u0000 é"`:         "",
	`"\\ud800"`:                       "",
	`[{"a":1},{"a":2},{"b":{"a":3}}]`: "",
	`{"a":1,"A":2,"":3}`:              "",
	"\"\xff\"":                        "UTF-8",
	"\"Caf\xe9\"":                     "UTF-8",
	"\"\xed\xa0\x80\"":                "UTF-8", // a surrogate as bytes
	"\"\xc0\xaf\"":                    "UTF-8", // an over-long slash
	"{\"\xff\":1}":                    "UTF-8",
	`"\ud83d"`:                        "surrogate",
	`"\ude00"`:                        "surrogate",
	`"\ud83d\ud83d"`:                  "surrogate",
	`"\ud83d\n"`:                      "surrogate",
	`{"\ud83d":1}`:                    "surrogate",
	`{"a":1,"a":1}`:                   "duplicate",
	`{"a":1,"\u0061":2}`:              "duplicate",
	`[[{"a":{"b":[{"c":1,"c":2}]}}]]`: "duplicate",
	`{"":1,"":2}`:                     "duplicate",
	`01`:                              "",
	`NaN`:                             "",
	"\"\xff":                          "",
	"\"\x01\"":                        "",
	`{"a":1,"a":2`:                    "",
	"[[[[[[\xff":                      "",
}

func TestCheckJSON(t *testing.T) {
	for value, says := range repaired {
		b := []byte(strings.Replace(wholeJSON, "VALUE", value, 1))
		err := tweet.CheckJSON(b)
		if says == "" && err != nil || says != "" && (err == nil || !strings.Contains(err.Error(), says)) {
			t.Errorf("%.100q: got %v, want %q", value, err, says)
		}
		if says == "" {
			continue
		}
		var tw tweet.Tweet
		if got := tw.DecodeJSON(b); got == nil || got.Error() != err.Error() {
			t.Errorf("%.100q: DecodeJSON says %v, CheckJSON %v", value, got, err)
		}
	}
	for _, text := range []string{"", " ", "brand;1\xff", "{}{}", `{"a":1} x`, "\ufeff{}"} {
		if err := tweet.CheckJSON([]byte(text)); err != nil {
			t.Errorf("%q must be left to the parser, but is rejected: %v", text, err)
		}
	}
}

// A parser reads everything that passes without a repair: the result can be written,
// and has the same number of members.
func FuzzCheckJSON(f *testing.F) {
	for value := range repaired {
		f.Add([]byte(strings.Replace(wholeJSON, "VALUE", value, 1)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		err := tweet.CheckJSON(b)
		if !json.Valid(b) {
			if err != nil {
				t.Fatalf("%q is not JSON, but is rejected for %v", b, err)
			}
			return
		}
		if err == nil && !utf8.Valid(b) {
			t.Fatalf("%q is not UTF-8 and passes", b)
		}
		var tw tweet.Tweet
		if err != nil && tw.DecodeJSON(b) == nil {
			t.Fatalf("%q is accepted without a mapping, but rejected with one: %v", b, err)
		}
		// A repair inserts U+FFFD.
		var v any
		if json.Unmarshal(b, &v) == nil && err == nil && !strings.Contains(string(b), "\ufffd") && !strings.Contains(strings.ToLower(string(b)), `\ufffd`) {
			again, _ := json.Marshal(v)
			if strings.Contains(string(again), "\ufffd") {
				t.Fatalf("%q is repaired to %q", b, again)
			}
		}
	})
}

func BenchmarkCheckJSON(b *testing.B) {
	text := []byte(strings.Replace(wholeJSON, "VALUE", `{"lang":"en","user":{"name":"somebody","followers":12},"tags":["a","b"]}`, 1))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if err := tweet.CheckJSON(text); err != nil {
			b.Fatal(err)
		}
	}
}
