package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// produceMany writes batches of one record each, of 10 kB that compress to nine tenths.
func produceMany(t *testing.T, c *testenv.Cluster, topic string, partition int32, batches int) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	defer client.Close()
	random := rand.NewChaCha8([32]byte{byte(partition)})
	for range batches {
		value := make([]byte, 10_000)
		_, _ = random.Read(value[:9_000]) // never fails
		if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: value}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// refuse does what a processor does that waits for a schema, and Benthos then.
func (b read) refuse(t *testing.T) {
	t.Helper()
	if !delivery.Of(b.messages[0].Context()).Refuse(errors.New("waiting for schema 99")) {
		t.Error("the batch cannot be refused")
	}
	b.done(t)
}

// handle acknowledges the batches of the partitions that come, and refuses those
// of partition 0, until so many of the others are acknowledged.
func (r *reader) handle(others int, refuse func(b read)) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), 20*time.Second)
	defer cancel()
	for others > 0 {
		messages, ack, err := r.in.ReadBatch(ctx)
		if err != nil {
			r.t.Fatalf("%d batches of other partitions do not come: %v", others, err)
		}
		b := read{messages, ack}
		if b.meta(contract.KafkaPartition) == 0 {
			refuse(b)
			continue
		}
		b.done(r.t)
		others--
	}
}

// What would break: one partition whose batches cannot be processed now takes all
// of max_in_flight_bytes, and the others are never fetched again.
func TestAPartitionThatWaitsLeavesRoomForTheOthers(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 4)
	produceMany(t, c, topic, 0, 60)
	r := connected(t, c, topic, "max_in_flight_bytes: 400KB\nfetch_max_partition_bytes: 50KB")
	s := r.in.current()
	// While nothing is processed the only partition with records takes all.
	testenv.Eventually(t, 10*time.Second, "partition 0 has all of the memory", func() error {
		if used := s.budget.InUse(); used < 200_000 {
			return fmt.Errorf("%d bytes are in use", used)
		}
		return nil
	})
	for p := range int32(3) {
		produceMany(t, c, topic, p+1, 30)
	}
	refused := 0
	r.handle(90, func(b read) {
		refused++
		b.refuse(t)
	})
	if refused == 0 {
		t.Fatal("no batch of partition 0 was refused")
	}
	if p, _ := r.status(topic, 0); p.Acked != 0 || p.InFlightBytes > 200_000/4+11_000 {
		t.Errorf("partition 0 has %+v", p)
	}
	// Once its batches are accepted, all of them come, in the order of the log.
	got := map[int]bool{}
	for len(got) < 60 {
		b := r.must()
		got[b.meta(contract.KafkaOffset).(int)] = true
		b.done(t)
	}
	testenv.Eventually(t, 5*time.Second, "nothing is in flight", func() error {
		p, _ := r.status(topic, 0)
		if used := s.budget.InUse(); used != 0 || p.Acked != 60 || p.InFlightBytes != 0 || p.InFlight != 0 || p.Waiting != 0 {
			return fmt.Errorf("%d bytes are in use, partition 0 has %+v", used, p)
		}
		return nil
	})
}

// What would break: one batch that waits holds up the later ones of its partition,
// or the positions of those are remembered without bound.
func TestLaterBatchesOfAPartitionThatWaitsGoOn(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 2)
	produceMany(t, c, topic, 0, 60)
	r := connected(t, c, topic, "max_in_flight_bytes: 400KB\nfetch_max_partition_bytes: 50KB")
	first := r.must()
	for i := 1; i < 60; {
		b := r.must()
		if b.meta(contract.KafkaOffset) == 0 {
			b.refuse(t)
			continue
		}
		if b.meta(contract.KafkaOffset) != i {
			t.Fatalf("the batch at %v comes, want that at %d", b.meta(contract.KafkaOffset), i)
		}
		b.done(t)
		if i++; i == 5 {
			first.refuse(t)
		}
	}
	if p, _ := r.status(topic, 0); p.Acked != 0 || p.Waiting != 1 || p.InFlight != 1 {
		t.Errorf("%+v", p)
	}
}
