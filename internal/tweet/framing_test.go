package tweet_test

import (
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

func TestSplitConfluent(t *testing.T) {
	tw := sample()
	datum := tw.AppendAvro(nil)
	id, rest, ok := tweet.SplitConfluent(append([]byte{0, 0x01, 0x02, 0x03, 0x04}, datum...))
	if !ok || id != 0x01020304 || string(rest) != string(datum) {
		t.Errorf("got id %#x, %d bytes, %v", id, len(rest), ok)
	}
	for name, in := range map[string][]byte{
		"an empty record": nil, "a raw tweet": datum, "a cut header": {0, 0, 0, 1}, "another magic": {1, 0, 0, 0, 1, 2},
	} {
		if _, _, ok := tweet.SplitConfluent(in); ok {
			t.Errorf("%s passes for a Confluent frame", name)
		}
	}
}

func TestSplitSingleObject(t *testing.T) {
	tw := sample()
	framed := tw.AppendSingleObject(nil)
	// The marker and the little-endian order are the specification's.
	if want := "\xc3\x01\x6c\x9b\xef\xe4\x75\x8c\xd6\x1d"; string(framed[:tweet.SingleObjectHeaderBytes]) != want {
		t.Errorf("header is %x, want %x", framed[:tweet.SingleObjectHeaderBytes], want)
	}
	for name, in := range map[string][]byte{
		"an empty record": nil, "a raw tweet": tw.AppendAvro(nil), "a cut header": framed[:9], "another version": append([]byte{0xC3, 2}, framed[2:]...),
	} {
		if _, _, ok := tweet.SplitSingleObject(in); ok {
			t.Errorf("%s passes for a single object", name)
		}
	}
}

// If this fails, a raw tweet or JSON looks like a single object, whose header a reader
// checks first.
func FuzzSingleObject(f *testing.F) {
	tw := sample()
	f.Add(tw.AppendSingleObject(nil))
	f.Add(tw.AppendAvro(nil))
	f.Add([]byte{0xC3, 1})
	f.Add([]byte{0, 0, 0, 0, 1, 2})
	f.Fuzz(func(t *testing.T, b []byte) {
		_, datum, framed := tweet.SplitSingleObject(b)
		_, _, confluent := tweet.SplitConfluent(b)
		var got tweet.Tweet
		if err := got.DecodeAvro(b); err == nil && (framed || confluent) {
			t.Errorf("%x is a raw tweet and framed", b)
		}
		if framed && confluent {
			t.Errorf("%x has two frames", b)
		}
		if framed && got.DecodeAvro(datum) == nil {
			back, again, ok := tweet.SplitSingleObject(got.AppendSingleObject(nil))
			if !ok || back != tweet.Fingerprint || string(again) != string(datum) {
				t.Errorf("%x comes back as %x", datum, again)
			}
		}
	})
}
