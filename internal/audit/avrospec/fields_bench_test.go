package avrospec

import (
	"strings"
	"testing"
)

func BenchmarkRead(b *testing.B) {
	sel, err := mustParse(b, schemas[0]).Select(anything, "id", "text", "brand", "sentiment", "timestamp")
	if err != nil {
		b.Fatal(err)
	}
	datum := append([]byte("\x48"), strings.Repeat("a", 36)...)
	datum = append(append(datum, "\x78"...), strings.Repeat("t", 60)...)
	datum = append(datum, "\x16SuperCoffee\x02\x80\x80\x90\xa5\xe4\x66"...)
	values := make([]Value, 5)
	b.ReportAllocs()
	b.SetBytes(int64(len(datum)))
	for b.Loop() {
		if err := sel.Read(datum, values); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tweets/s")
}
