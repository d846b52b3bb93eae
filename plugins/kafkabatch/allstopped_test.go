package kafkabatch

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// What would break: a pipeline whose only partition is stopped, or held back by
// max_batch_bytes, looks healthy at /ready indefinitely.
func TestAProcessWhosePartitionsAreAllStoppedIsNotConnected(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 1)
	produceValue(t, c, topic, kgo.NoCompression(), noise(20_000))
	r := connected(t, c, topic, "max_batch_bytes: 10KB\nfetch_max_bytes: 100KB")
	first := r.must()
	r.stopped(topic, 0)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, _, err := r.in.ReadBatch(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("while a batch is in flight ReadBatch says %v", err)
	}
	lost := make(chan struct{})
	go func() {
		defer close(lost)
		r.mustBeNotConnected()
	}()
	first.done(t)
	<-lost
	err := r.in.Connect(t.Context())
	if err == nil {
		t.Fatal("it is connected")
	}
	wants(t, err.Error(), "partition 0 of "+topic, "the only one of this process", "max_batch_bytes")

	connecting := make(chan error, 1)
	go func() { connecting <- r.in.Connect(t.Context()) }()
	select {
	case err := <-connecting:
		t.Fatalf("Connect says %v again, which fills the log", err)
	case <-time.After(200 * time.Millisecond):
	}
	r.take(topic, 0) // a rebalance: the process has none, which is no fault
	if err := <-connecting; err != nil {
		t.Fatal(err)
	}
	r.nothing(100 * time.Millisecond)
}

// What would break: one partition that is stopped takes the process out of service
// which reads the others.
func TestOneStoppedPartitionLeavesTheProcessConnected(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	r := connected(t, c, topic, "")
	testenv.Eventually(t, 10*time.Second, "both partitions are fetched", func() error {
		for p := range int32(2) {
			if s, ok := r.status(topic, p); !ok || s.Step != track.Fetch {
				return errors.New("not yet")
			}
		}
		return nil
	})
	for _, p := range r.in.current().tracker.Partitions()[:1] {
		p.Stop(errSetting)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, _, err := r.in.ReadBatch(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("ReadBatch says %v", err)
	}
}
