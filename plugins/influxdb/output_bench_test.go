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

	"github.com/redpanda-data/benthos/v4/public/service"
)

// stored is a server that reads and answers 204, and does nothing else.
func stored(b *testing.B) string {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
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
