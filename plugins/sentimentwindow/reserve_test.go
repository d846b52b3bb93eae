package sentimentwindow

import (
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// manyRecords is a record batch of n records, and the same as messages of one
// record each.
func manyRecords(t failer, n int, value func(i int) []byte) (batch *service.Message, records service.MessageBatch) {
	all := make([]recordbatch.Record, n)
	for i := range all {
		all[i] = recordbatch.Record{Offset: int64(i), Timestamp: 1_700_000_000_000, Value: value(i)}
		records = append(records, recordMessage(&contract.Position{Topic: "tweets"}, &all[i]))
	}
	return batchMessage(t, "tweets", 0, recordbatch.Header{ProducerID: -1}, all...), records
}

// What would break: a small batch becomes a hundred times as much, and a few of
// them take all memory, if that is charged with less than it is.
func TestWhatABatchBecomesIsCharged(t *testing.T) {
	const n = 4000
	now := int64(1_700_000_000_000)
	for name, c := range map[string]struct {
		yaml  string
		value func(i int) []byte
		most  int64 // times what is taken in the end
	}{
		"dead letters":         {"", func(int) []byte { return []byte("x") }, 4},
		"dead letters of JSON": {"encoding: json", func(i int) []byte { return fmt.Appendf(nil, `{"brand": "%0700d"}`, i) }, 4},
		"one window":           {"", func(int) []byte { return datum("SuperCoffee", tweet.Positive, now) }, 4},
		"many windows":         {"", func(i int) []byte { return datum("SuperCoffee", tweet.Positive, now+int64(i)*1000) }, 10}, // and the cells
		"many brands":          {"", func(i int) []byte { return datum(fmt.Sprintf("%0200d", i), tweet.Positive, now) }, 10},    // and the series
		"tweets":               {"emit: tweets", func(int) []byte { return datum("SuperCoffee", tweet.Positive, now) }, 4},
		"structured tweets":    {"emit: tweets\noutput: points", func(int) []byte { return datum("SuperCoffee", tweet.Positive, now) }, 4},
	} {
		for _, form := range []string{contract.RecordBatch, messageRecord} {
			t.Run(name+"/"+form, func(t *testing.T) {
				p := testProcessor(t, "message: "+form+"\n"+c.yaml)
				budget := delivery.NewBudget(1 << 40)
				d := budget.New()
				batch, records := manyRecords(t, n, c.value)
				in := inDelivery(d, records...)
				if form == contract.RecordBatch {
					in = inDelivery(d, batch)
				}
				var out []service.MessageBatch
				took := testenv.HeapOf(func() {
					var err error
					if out, err = p.ProcessBatch(t.Context(), in); err != nil {
						t.Fatal(err)
					}
				})
				runtime.KeepAlive([]any{p, batch, records, in})
				charged := budget.InUse()
				t.Logf("%d messages take %d bytes, %d are charged", len(out[0]), took, charged)
				if took > charged+64<<10 {
					t.Errorf("%d bytes are taken, %d are charged", took, charged)
				}
				if charged > c.most*took+64<<10 {
					t.Errorf("%d bytes are taken, %d are charged: far too many", took, charged)
				}
				_ = d.Settle()
				if budget.InUse() != 0 {
					t.Errorf("%d bytes are charged after the acknowledgement", budget.InUse())
				}
			})
		}
	}
}

// What would break: the threads of a pipeline wait for room that only they could
// make, or a batch is given up since there was none.
func TestABatchWithoutRoomIsRedelivered(t *testing.T) {
	for _, form := range []string{contract.RecordBatch, messageRecord} {
		synctest.Test(t, func(t *testing.T) {
			p := testProcessor(t, "message: "+form)
			budget := delivery.NewBudget(1000)
			over, d := budget.New(), budget.New()
			if err := over.Reserve(t.Context(), 2000); err != nil {
				t.Fatal(err)
			}
			batch, records := manyRecords(t, 2000, func(i int) []byte { return []byte("x") })
			in := inDelivery(d, records...)
			if form == contract.RecordBatch {
				in = inDelivery(d, batch)
			}
			out, err := p.ProcessBatch(t.Context(), in)
			if err != nil || out != nil {
				t.Errorf("%s: %d batches and the error %v, want none: the input redelivers all", form, len(out), err)
			}
			if d.Settle() == nil {
				t.Errorf("%s: the input does not redeliver it", form)
			}
			_ = over.Settle()
			again := budget.New()
			for i, m := range in {
				in[i] = inDelivery(again, m)[0]
			}
			if out, err := p.ProcessBatch(t.Context(), in); err != nil || len(out) != 1 || len(out[0]) < 2000 {
				t.Errorf("%s: with room there are %d batches and the error %v", form, len(out), err)
			}
		})
	}
}

// What would break: a thread that has got two deliveries in one batch, as from
// Benthos's batching, would wait for one of them to be acknowledged.
func TestDeliveriesInOneBatchDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := testProcessor(t, batches)
		budget := delivery.NewBudget(1000)
		var in service.MessageBatch
		for range 3 {
			batch, _ := manyRecords(t, 2000, func(i int) []byte { return []byte("x") })
			in = append(in, inDelivery(budget.New(), batch)...)
		}
		out, err := p.ProcessBatch(t.Context(), in)
		if err != nil || len(out) != 1 || len(out[0]) != 3*2000+3 {
			t.Errorf("%d batches, %v", len(out), err)
		}
	})
}
