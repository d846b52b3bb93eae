package lineproto

import (
	"strconv"
	"testing"
)

func BenchmarkTweetPoint(b *testing.B) {
	brand, sentiment := []byte("SuperCoffee"), "positive"
	text := []byte("I love the new SuperCoffee blend, best way to start the morning!")
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		p := buf[:0]
		p = AppendMeasurement(p, "tweets")
		p = AppendTag(p, "brand", brand)
		p = AppendTag(p, "sentiment", sentiment)
		p = append(p, ' ')
		p = AppendFieldKey(p, "text")
		p = AppendString(p, text)
		p = append(p, ',')
		p = AppendFieldKey(p, "count")
		p = AppendInt(p, 1)
		p = append(p, ' ')
		p = strconv.AppendInt(p, 1700000000000000000, 10)
		p = append(p, '\n')
		buf = p
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "points/s")
}
