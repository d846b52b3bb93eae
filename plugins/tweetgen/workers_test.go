package tweetgen

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
)

// If this fails, max_in_flight_bytes does not bound the memory of unacknowledged
// batches: a pipeline whose Kafka is slow takes several times as much, or waits with
// half of it.
func TestMemoryOfBatchesIsCounted(t *testing.T) {
	headers := func(n, hex int) string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprintf("{ name: h%d, random_hex: %d }", i, hex)
		}
		return "headers: [ " + strings.Join(list, ", ") + " ]"
	}
	for _, fields := range []string{
		"", "key: brand", "key: user", "key: id", headers(1, 1), headers(1, 1000), headers(8, 16), headers(20, 16), headers(100, 16),
		"key: id\n" + headers(2, 64),
	} {
		for _, message := range []string{"record", "record_batch"} {
			c := testConfig(t, "message: "+message+"\nbatch_size: 1000\nmax_batch_bytes: 16MiB\n"+fields)
			w := newWorkers(&c, newGenerator(1, &c.content), nil, nil, time.Now)
			generate, err := w.maker()
			if err != nil {
				t.Fatal(err)
			}
			var kept []made
			counted := int64(0)
			before := heap()
			for k := range int64(20) {
				p := wholeBatch(k, counts{500, 300, 200})
				m := generate(p, time.UnixMilli(sampleMillis))
				counted += m.batch.memoryOf(w.estimate(p))
				kept = append(kept, m)
			}
			taken := heap() - before
			runtime.KeepAlive(kept)
			if share := float64(counted) / float64(taken); share < 0.9 || share > 1.6 {
				t.Errorf("message: %s, %.40s: %d bytes are counted of %d", message, fields, counted, taken)
			} else {
				t.Logf("%s, %.40s: %.2f", message, fields, share)
			}
		}
	}
}

func heap() int64 {
	runtime.GC()
	runtime.GC() // what the first one leaves in pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
