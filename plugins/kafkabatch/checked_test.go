package kafkabatch

import (
	"context"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: processors that read record batches would make the CRC of
// each of them once more, which costs a tenth, if the note that it is right got
// lost on its way through Benthos.
func TestProcessorsKnowThatTheCRCIsRight(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	seen := make(chan bool, 1)
	consume(t, c, topic, "none: {}", "", func(_ context.Context, m *service.Message) error {
		b, err := m.AsBytes()
		seen <- err == nil && recordbatch.CheckedOf(m.Context(), b) != nil
		return err
	})
	select {
	case checked := <-seen:
		if !checked {
			t.Error("the CRC of a batch is not known to be right")
		}
	case <-time.After(20 * time.Second):
		t.Fatal("no batch comes")
	}
}
