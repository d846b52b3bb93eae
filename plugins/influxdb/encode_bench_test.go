package influxdb

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"
)

func tweetLine(b []byte, i int) []byte {
	b = append(b, `tweets,brand=SuperCoffee,sentiment=positive count=1i,text="I love the new SuperCoffee blend, best way to start the morning!" `...)
	b = strconv.AppendInt(b, 1_700_000_000_000_000_000+int64(i), 10)
	return append(b, '\n')
}

// BenchmarkEncodeLines encodes a message of 3,000 lines, as sentiment_window makes
// them in a backlog.
func BenchmarkEncodeLines(b *testing.B) {
	const points = 3000
	for name, line := range map[string]func([]byte, int) []byte{"window": windowLine, "tweet": tweetLine} {
		var content []byte
		for i := range points {
			content = line(content, i)
		}
		batch := service.MessageBatch{service.NewMessage(content)}
		benchmarkEncode(b, name, batch, points)
	}
}

// BenchmarkEncodePoints encodes 3,000 structured messages of a point each, as
// sentiment_window makes them with `output: points`.
func BenchmarkEncodePoints(b *testing.B) {
	const points = 3000
	for name, fields := range map[string]map[string]any{
		"window": {"count": int64(4000)},
		"tweet":  {"count": int64(1), "text": "I love the new SuperCoffee blend, best way to start the morning!"},
	} {
		var batch service.MessageBatch
		for i := range points {
			m := service.NewMessage(nil)
			m.SetStructured(map[string]any{
				"measurement": "tweets",
				"tags":        map[string]any{"brand": "SuperCoffee", "sentiment": "positive"},
				"fields":      fields,
				"timestamp":   int64(1_700_000_000_000_000_000 + i),
			})
			batch = append(batch, m)
		}
		benchmarkEncode(b, name, batch, points)
	}
}

// benchmarkEncode encodes a batch into the buffers of a call that has been used
// before, and into those of a new one.
func benchmarkEncode(b *testing.B, name string, batch service.MessageBatch, points int) {
	e := newEncoder(testConfig())
	for _, call := range []string{"used", "new"} {
		b.Run(fmt.Sprintf("%s/%s call", name, call), func(b *testing.B) {
			cl := newCall()
			for b.Loop() {
				if call == "new" {
					cl = newCall()
				}
				cl.reset()
				if refusals := e.encode(batch, &cl.lines); len(refusals) > 0 {
					b.Fatal(refusals)
				}
			}
			b.ReportAllocs()
			b.ReportMetric(float64(b.N)*float64(points)/b.Elapsed().Seconds(), "points/s")
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(points), "ns/point")
		})
	}
}

// BenchmarkEncodeJSON encodes 1,000 JSON messages: as points, and by mappings, with a
// measurement from the message that must be checked for being null or not.
func BenchmarkEncodeJSON(b *testing.B) {
	const points = 1000
	for name, test := range map[string]struct{ content, measurement string }{
		"point":             {`{"measurement":"weather","tags":{"city":"Cape Town"},"fields":{"celsius":21.5,"humidity":40},"timestamp":%d}`, ""},
		"mappings":          {`{"kind":"weather","city":"Cape Town","celsius":21.5,"humidity":40,"ns":%d}`, `${! this.kind }`},
		"mappings, checked": {`{"kind":"annulled","city":"Cape Town","celsius":21.5,"humidity":40,"ns":%d}`, `${! this.kind }`},
		"mappings, static":  {`{"kind":"weather","city":"Cape Town","celsius":21.5,"humidity":40,"ns":%d}`, `weather`},
	} {
		conf := testConfig()
		if test.measurement != "" {
			conf = mapping(b, conf, test.measurement, `root.celsius = this.celsius
root.humidity = this.humidity`, `root = this.ns`)
			conf.tags = mustMapping(b, `root.city = this.city`)
		}
		e := newEncoder(conf)
		b.Run(name, func(b *testing.B) {
			cl := newCall()
			for b.Loop() {
				b.StopTimer()
				var batch service.MessageBatch // messages keep what has been parsed
				for i := range points {
					batch = append(batch, raw(fmt.Sprintf(test.content, 1_700_000_000_000_000_000+i)))
				}
				b.StartTimer()
				cl.reset()
				if refusals := e.encode(batch, &cl.lines); len(refusals) > 0 {
					b.Fatal(refusals[0])
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/points, "ns/point")
		})
	}
}
