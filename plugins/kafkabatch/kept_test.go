package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// A buffer acknowledges what it keeps, and copies it before, as Benthos asks of
// whatever keeps a message for longer. What would break, if it did not any more:
// batches in it would be overwritten by others, and be refused or counted wrongly.
func TestABufferKeepsBatchesWhoseMemoryIsReused(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	const batches, each = 8, 1000
	for range batches {
		produceWith(t, c, topic, kgo.Lz4Compression(), 0, each)
	}
	taken := make(chan struct{})
	came := make(chan error, batches)
	consume(t, c, topic, "memory: {}", "commit_period: 20ms, reuse_memory: true", func(ctx context.Context, m *service.Message) error {
		select {
		case <-taken:
		case <-ctx.Done():
		}
		came <- whole(m)
		return nil
	})
	client := admin(t, c)
	testenv.Eventually(t, 20*time.Second, "the buffer has taken all", func() error {
		offsets, err := client.FetchOffsets(t.Context(), "g")
		if o, _ := offsets.Lookup(topic, 0); err == nil && o.At < batches*each {
			err = fmt.Errorf("%d is committed", o.At)
		}
		return err
	})
	close(taken)
	for range batches {
		select {
		case err := <-came:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("not all batches leave the buffer")
		}
	}
}

// whole tells whether the bytes of a message are those of its batch.
func whole(m *service.Message) error {
	b, err := m.AsBytes()
	if err != nil {
		return err
	}
	if recordbatch.CheckedOf(m.Context(), b) != nil {
		return errors.New("they lie where the input has put them: there is no copy")
	}
	h, err := recordbatch.Check(b)
	if offset, _ := m.MetaGetMut(metaOffset); err == nil && offset != int(h.BaseOffset) {
		err = fmt.Errorf("they are of the batch at %d, want that at %v", h.BaseOffset, offset)
	}
	return err
}
