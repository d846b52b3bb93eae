package subpartition

import (
	"bytes"
	"runtime"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/hold"
	"github.com/brandpulse/brandpulse-connect/internal/perkey"
)

// If this fails, max_bytes is not what the process takes.
func TestThePriceOfAMessageIsWhatItTakes(t *testing.T) {
	const messages = 20_000
	for name, size := range map[string]int{"small": 100, "large": 4000} {
		t.Run(name, func(t *testing.T) {
			heap := func() int64 {
				runtime.GC()
				runtime.GC()
				var s runtime.MemStats
				runtime.ReadMemStats(&s)
				return int64(s.HeapAlloc)
			}
			before := heap()
			s := perkey.New[*service.Message](perkey.Config{Limits: hold.Limits{Messages: messages + 1, Bytes: 1 << 40}, Concurrency: 1, BatchSize: 1, MaxAttempts: 1})
			source := &hold.Source{}
			for i := 0; i < messages; i += 100 {
				batch := make([]*message, 100)
				for j := range batch {
					m := service.NewMessage(bytes.Repeat([]byte{'x'}, size))
					key := []byte("user-0123456789-" + string(rune('a'+j%26)))
					contract.Position{Topic: "updates", Partition: 3, Offset: int64(i + j)}.Set(m)
					contract.SetRecord(m, key, []byte{}, 1_700_000_000_000+int64(i))
					batch[j] = &message{Value: m, Key: string(key) + string(rune('a'+i/100%26)), Keyed: true}
					batch[j].Bytes = price(m) + int64(len(batch[j].Key))
				}
				s.Add(source, batch, func(error) {})
			}
			took, priced := heap()-before, s.State().Bytes
			ratio := float64(took) / float64(priced)
			t.Logf("%d messages of %d bytes take %d bytes each, priced at %d", messages, size, took/messages, priced/messages)
			if ratio > 1.3 || ratio < 0.6 {
				t.Errorf("they take %.2f of their price", ratio)
			}
			runtime.KeepAlive(s)
		})
	}
}
