package tweetrule

import (
	"strings"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	id, text := strings.Repeat("a", 36), strings.Repeat("t", 60)
	for encoding, value := range map[string]string{
		Avro: "\x48" + id + "\x78" + text + "\x16SuperCoffee\x02\x80\x80\x90\xa5\xe4\x66",
		JSON: `{"id":"` + id + `","text":"` + text + `","brand":"SuperCoffee","sentiment":"negative","timestamp":1767225600000}`,
	} {
		b.Run(encoding, func(b *testing.B) {
			d, v := mustNew(b, Options{Encoding: encoding}), []byte(value)
			b.ReportAllocs()
			b.SetBytes(int64(len(v)))
			for b.Loop() {
				if _, err := d.Decode(v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tweets/s")
		})
	}
}
