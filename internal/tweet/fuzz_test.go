package tweet_test

import (
	"encoding/json"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Any bytes are a tweet or an error, and a tweet has only one encoding: writing a
// decoded tweet returns the same bytes.
func FuzzDecodeAvro(f *testing.F) {
	tw := sample()
	valid := tw.AppendAvro(nil)
	f.Add(valid)
	f.Add(append(valid, valid...))
	f.Add([]byte(`{"id":"a"}`))
	f.Add([]byte{2, 'a', 0, 2, 'B', 4, 0x80, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var got tweet.Tweet
		if err := got.DecodeAvro(b); err != nil {
			if got.ID != nil {
				t.Errorf("%x: a tweet and the error %v", b, err)
			}
			return
		}
		if again := got.AppendAvro(nil); string(again) != string(b) {
			t.Errorf("%x is written again as %x", b, again)
		}
		if err := got.Check(); err != nil {
			t.Errorf("%x: decoded, but %v", b, err)
		}
		var read peer
		if err := avro.Unmarshal(peerSchema, b, &read); err != nil {
			t.Errorf("%x: hamba/avro does not read it: %v", b, err)
		} else if theirs := read.tweet(t); !equal(got, theirs) {
			t.Errorf("%x: got %+v, hamba/avro %+v", b, got, theirs)
		}
	})
}

// Any bytes are a tweet or an error. encoding/json accepts everything that this decoder
// accepts, with the same meaning.
func FuzzDecodeJSON(f *testing.F) {
	tw := sample()
	f.Add(tw.AppendJSON(nil))
	f.Add([]byte(`{"timestamp":-1,"sentiment":"negative","brand":"\u00e9","text":"\ud83d\ude00","id":"\"","x":[{}]}`))
	f.Add([]byte(`{"id":"a","text":"","brand":"B","sentiment":"neutral","timestamp":1.0}`))
	f.Add([]byte("[]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var got tweet.Tweet
		if err := got.DecodeJSON(b); err != nil {
			return
		}
		if err := got.Check(); err != nil {
			t.Errorf("%q: decoded, but %v", b, err)
		}
		// A map and not a struct: encoding/json ignores the case of a struct's names.
		var members map[string]json.RawMessage
		if err := json.Unmarshal(b, &members); err != nil {
			t.Fatalf("%q: encoding/json does not read it: %v", b, err)
		}
		var read jsonPeer
		for name, dst := range map[string]any{
			"id": &read.ID, "text": &read.Text, "brand": &read.Brand, "sentiment": &read.Sentiment, "timestamp": &read.Timestamp,
		} {
			if err := json.Unmarshal(members[name], dst); err != nil {
				t.Fatalf("%q: encoding/json does not read its %s: %v", b, name, err)
			}
		}
		if theirs := (&peer{read.ID, read.Text, read.Brand, read.Sentiment, read.Timestamp}).tweet(t); !equal(got, theirs) {
			t.Errorf("%q: got %+v, encoding/json %+v", b, got, theirs)
		}
		var again tweet.Tweet
		if err := again.DecodeJSON(got.AppendJSON(nil)); err != nil || !equal(got, again) {
			t.Errorf("%q: written again it reads as %+v, %v", b, again, err)
		}
	})
}
