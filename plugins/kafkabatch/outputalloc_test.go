package kafkabatch

import (
	"fmt"
	"strings"
	"testing"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the output allocates for each record, and not only for each batch.
func TestOutputAllocatesPerBatch(t *testing.T) {
	c := testenv.FakeKafka(t)
	o := outputOn(t, c, c.Topic(t, 1), "message: record\nacks: leader")
	const records = 5000
	var batch service.MessageBatch
	for i := range records {
		batch = append(batch, service.NewMessage(fmt.Appendf(nil, "%d %s", i, strings.Repeat("x", 20))))
	}
	write := func() {
		if err := o.WriteBatch(t.Context(), batch); err != nil {
			t.Error(err)
		}
	}
	if allocs := testing.AllocsPerRun(5, write); allocs > records/5 {
		t.Errorf("%v allocations for %d records", allocs, records)
	}
}
