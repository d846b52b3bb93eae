package influxdb

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
)

// stored is a server that reads and answers 204, and does nothing else.
func stored(b *testing.B) string { return storedAfter(b, 0) }

// storedAfter is the same with a server that takes its time.
func storedAfter(b *testing.B, took time.Duration) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(took)
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(server.Close)
	return server.URL
}

func windowLine(b []byte, i int) []byte {
	b = append(b, "tweets,brand=SuperCoffee,sentiment=positive count=4000i "...)
	b = strconv.AppendInt(b, 1_700_000_000_000_000_000+int64(i), 10)
	return append(b, '\n')
}

// BenchmarkWriteBatch writes batches of points through 256 writers, as Benthos
// does, to a server within the process. `pre-built` is the limit: a loop that
// posts bodies of 4,000 points which were made before, two at a time.
func BenchmarkWriteBatch(b *testing.B) {
	for _, gzip := range []bool{false, true} {
		for _, size := range []int{1, 10, 100, 4000} {
			b.Run(fmt.Sprintf("gzip=%v/lines=%d", gzip, size), func(b *testing.B) {
				var content []byte
				for i := range size {
					content = windowLine(content, i)
				}
				benchmarkWrites(b, gzip, service.MessageBatch{service.NewMessage(content)}, size)
			})
		}
	}
	b.Run("gzip=false/points=100", func(b *testing.B) {
		var batch service.MessageBatch
		for i := range 100 {
			m := service.NewMessage(nil)
			m.SetStructured(map[string]any{
				"measurement": "tweets",
				"tags":        map[string]any{"brand": "SuperCoffee", "sentiment": "positive"},
				"fields":      map[string]any{"count": int64(4000)},
				"timestamp":   int64(1_700_000_000_000_000_000 + i),
			})
			batch = append(batch, m)
		}
		benchmarkWrites(b, false, batch, 100)
	})
	b.Run("gzip=false/pre-built", func(b *testing.B) {
		address := stored(b)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}}
		var body []byte
		for i := range 4000 {
			body = windowLine(body, i)
		}
		b.ReportAllocs()
		b.ResetTimer()
		var wait sync.WaitGroup
		var left atomic.Int64
		left.Store(int64(b.N))
		for range 2 {
			wait.Go(func() {
				for left.Add(-1) >= 0 {
					response, err := client.Post(address, "text/plain", bytes.NewReader(body))
					if err != nil || response.StatusCode != http.StatusNoContent {
						b.Error(err)
						return
					}
					response.Body.Close()
				}
			})
		}
		wait.Wait()
		b.ReportMetric(float64(b.N)*4000/b.Elapsed().Seconds(), "points/s")
	})
}

func benchmarkWrites(b *testing.B, gzip bool, batch service.MessageBatch, points int) {
	conf := testConfig()
	conf.gzip = gzip
	conf.url, _ = url.Parse(stored(b))
	benchmarkConfig(b, conf, batch, points)
}

// BenchmarkOrder is the price of order: series, for messages of 100 and 4,000
// points, of one series and of many, and a server that answers at once or after
// 10 ms.
func BenchmarkOrder(b *testing.B) {
	for _, took := range []time.Duration{0, 10 * time.Millisecond} {
		for _, size := range []int{100, 4000} {
			for _, series := range []int{1, 100} {
				var content []byte
				for i := range size {
					content = fmt.Appendf(content, "tweets,brand=Brand%d,sentiment=positive count=4000i %d\n", i%series, 1_700_000_000_000_000_000+i)
				}
				batch := service.MessageBatch{service.NewMessage(content)}
				for _, order := range []string{orderNone, orderSeries} {
					b.Run(fmt.Sprintf("answer=%s/lines=%d/series=%d/order=%s", took, size, series, order), func(b *testing.B) {
						conf := testConfig()
						conf.gzip, conf.order = false, order
						conf.url, _ = url.Parse(storedAfter(b, took))
						benchmarkConfig(b, conf, batch, size)
					})
				}
			}
		}
	}
}

func benchmarkConfig(b *testing.B, conf config, batch service.MessageBatch, points int) {
	o := newOutput(conf, nil, nil, service.MockResources().Metrics())
	defer o.Close(b.Context())
	b.ReportAllocs()
	b.ResetTimer()
	var wait sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(b.N))
	for range conf.maxInFlight {
		wait.Go(func() {
			for left.Add(-1) >= 0 {
				if err := o.WriteBatch(b.Context(), batch); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)*float64(points)/b.Elapsed().Seconds(), "points/s")
}

// BenchmarkIntoLanes is what order: series costs for each point.
func BenchmarkIntoLanes(b *testing.B) {
	cl := newCall()
	cl.lines.bucket = "bucket"
	for i := range 4000 {
		cl.lines.buf = fmt.Appendf(cl.lines.buf, "tweets,brand=Brand%d,sentiment=positive count=4000i %d", i%100, 1_700_000_000_000_000_000+i)
		cl.lines.add(0)
	}
	b.ReportAllocs()
	for b.Loop() {
		cl.intoLanes(2)
		cl.sorted.reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/4000, "ns/point")
}
