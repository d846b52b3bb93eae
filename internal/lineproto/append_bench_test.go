package lineproto

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/influxdata/influxdb-client-go/v2/api/write"
	protocol "github.com/influxdata/line-protocol"
)

const (
	benchText = "I love the new SuperCoffee blend, best way to start the morning!"
	benchTime = 1700000000000000000
)

func appendTweet(b, brand []byte, sentiment string, text []byte) []byte {
	b = AppendMeasurement(b, "tweets")
	b = AppendTag(b, "brand", brand)
	b = AppendTag(b, "sentiment", sentiment)
	b = append(b, ' ')
	b = AppendFieldKey(b, "text")
	b = AppendString(b, text)
	b = append(b, ',')
	b = AppendFieldKey(b, "count")
	b = AppendInt(b, 1)
	b = append(b, ' ')
	b = strconv.AppendInt(b, benchTime, 10)
	return append(b, '\n')
}

func reportPoints(b *testing.B, points int) {
	b.ReportAllocs()
	b.ReportMetric(float64(b.N)*float64(points)/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkTweetPoint encodes one tweet as a point with this package, with the encoder
// that InfluxData's programs share, and with influxdb-client-go.
func BenchmarkTweetPoint(b *testing.B) {
	b.Run("append", func(b *testing.B) {
		brand, text, buf := []byte("SuperCoffee"), []byte(benchText), make([]byte, 0, 4096)
		for b.Loop() {
			buf = appendTweet(buf[:0], brand, "positive", text)
		}
		reportPoints(b, 1)
	})
	newPoint := func() *write.Point {
		return write.NewPoint("tweets", map[string]string{"brand": "SuperCoffee", "sentiment": "positive"},
			map[string]any{"text": benchText, "count": int64(1)}, time.Unix(0, benchTime))
	}
	b.Run("line-protocol", func(b *testing.B) {
		var buf bytes.Buffer
		encoder, point := protocol.NewEncoder(&buf), newPoint()
		for b.Loop() {
			buf.Reset()
			if _, err := encoder.Encode(point); err != nil {
				b.Fatal(err)
			}
		}
		reportPoints(b, 1)
	})
	b.Run("influxdb-client-go", func(b *testing.B) {
		for b.Loop() {
			write.PointToLineProtocol(newPoint(), time.Nanosecond)
		}
		reportPoints(b, 1)
	})
}

// BenchmarkNextLine splits messages of 4,000 points into lines.
func BenchmarkNextLine(b *testing.B) {
	for name, line := range map[string]string{
		"window": "tweets,brand=SuperCoffee,sentiment=positive count=4000i 1700000000000000017\n",
		"tweet":  string(appendTweet(nil, []byte("SuperCoffee"), "positive", []byte(benchText))),
	} {
		msg := bytes.Repeat([]byte(line), 4000)
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				n := 0
				for rest := msg; ; n++ {
					var line Line
					if line, rest = NextLine(rest); len(line.Bytes) == 0 {
						break
					} else if line.Err != nil {
						b.Fatal(line.Err)
					}
				}
				if n != 4000 {
					b.Fatal(n)
				}
			}
			reportPoints(b, 4000)
		})
	}
}
