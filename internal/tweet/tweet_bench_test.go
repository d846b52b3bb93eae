package tweet_test

import (
	"encoding/json"
	"testing"

	"github.com/hamba/avro/v2"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// measure runs f for each tweet of n bytes and reports tweets per second.
func measure(b *testing.B, n int, f func()) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(n))
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tweets/s")
}

func BenchmarkEncode(b *testing.B) {
	tw := sample()
	read := peer{string(tw.ID), string(tw.Text), string(tw.Brand), tw.Sentiment.String(), tw.Millis}
	buf := make([]byte, 0, 1024)
	n := len(tw.AppendAvro(nil))
	b.Run("avro", func(b *testing.B) { measure(b, n, func() { buf = tw.AppendAvro(buf[:0]) }) })
	b.Run("single_object", func(b *testing.B) { measure(b, n+10, func() { buf = tw.AppendSingleObject(buf[:0]) }) })
	b.Run("json", func(b *testing.B) { measure(b, len(tw.AppendJSON(nil)), func() { buf = tw.AppendJSON(buf[:0]) }) })
	b.Run("avro_by_hamba", func(b *testing.B) {
		measure(b, n, func() {
			if _, err := avro.Marshal(peerSchema, &read); err != nil {
				b.Fatal(err)
			}
		})
	})
}

func BenchmarkDecode(b *testing.B) {
	tw := sample()
	raw, object := tw.AppendAvro(nil), tw.AppendJSON(nil)
	var got tweet.Tweet
	b.Run("avro", func(b *testing.B) {
		measure(b, len(raw), func() {
			if err := got.DecodeAvro(raw); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("json", func(b *testing.B) {
		measure(b, len(object), func() {
			if err := got.DecodeJSON(object); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("avro_by_hamba", func(b *testing.B) {
		var read peer
		measure(b, len(raw), func() {
			if err := avro.Unmarshal(peerSchema, raw, &read); err != nil {
				b.Fatal(err)
			}
		})
	})
	b.Run("json_by_encoding_json", func(b *testing.B) {
		var read jsonPeer
		measure(b, len(object), func() {
			if err := json.Unmarshal(object, &read); err != nil {
				b.Fatal(err)
			}
		})
	})
}
