package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const copying = "message: record_batch\npartition: explicit\npartition_number: ${! @kafka_partition }"

// valued returns a record batch of values, as a message.
func valued(t *testing.T, values ...string) *service.Message {
	t.Helper()
	var b recordbatch.Builder
	b.Begin(nil)
	for _, v := range values {
		b.Append(&recordbatch.Record{Timestamp: time.Now().UnixMilli(), Value: []byte(v)})
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	m := service.NewMessage(batch)
	m.MetaSetMut(contract.KafkaPartition, 0)
	m.MetaSetMut(contract.KafkaLastOffset, len(values)-1)
	m.MetaSetMut(contract.KafkaBatchRecords, len(values))
	return m
}

// If this fails, a topic that is copied to itself grows until the disk is full.
func TestOutputRefusesBatchesOfItsOwnTopic(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	produceWith(t, c, topic, kgo.NoCompression(), 0, 3)
	in := connected(t, c, topic, "")
	o := outputOn(t, c, topic, copying)
	b := in.must()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := o.WriteBatch(ctx, b.messages); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	w := newWriting(o, o.producer, b.messages)
	refusals, err := w.write(t.Context(), nil)
	if err != nil || len(refusals) != 1 || reasonOf(refusals[0].Err) != fieldTopic {
		t.Fatalf("%v, %v", refusals, err)
	}
	wants(t, refusals[0].Err.Error(), "comes from the topic "+topic+" itself (partition 0, offset 0)", "grow forever")
	if n, err := c.Records(t.Context(), topic); n != 3 || err != nil {
		t.Errorf("the topic has %d records, %v", n, err)
	}
}

// If this fails, a record batch of which Kafka refuses a part stores the others again with
// every attempt, or its rejected message has records that are stored.
func TestOutputStoresThePartsOfABatchOnce(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := "parts"
	c.CreateTopic(t, topic, 1, map[string]string{"max.message.bytes": "300"})
	o := outputOn(t, c, topic, copying)
	values := make([]string, 40)
	for i := range values {
		values[i] = fmt.Sprintf("%d %s", i, strings.Repeat("x", 20))
	}
	values[3] = "3 " + strings.Repeat("large ", 100)
	values[30] = "30 " + strings.Repeat("large ", 100)
	batch := service.MessageBatch{valued(t, values...)}
	w := newWriting(o, o.producer, batch)
	refusals, err := w.write(t.Context(), nil)
	for range 3 {
		if err != nil || len(refusals) != 1 || reasonOf(refusals[0].Err) != "MESSAGE_TOO_LARGE" || len(refusals[0].Left) != 2 {
			t.Fatalf("%v, %v", refusals, err)
		}
		w.leave(refusals)
		refusals, err = w.write(t.Context(), []int{0})
	}
	rejects := w.rejects(refusals)
	for i, r := range rejects {
		m := r.letter(letter.DefaultBytes)
		content, err := m.AsBytes()
		if err != nil {
			t.Fatal(err)
		}
		records, _ := m.MetaGetMut(contract.KafkaBatchRecords)
		_, last := m.MetaGetMut(contract.KafkaLastOffset)
		reader, err := recordbatch.NewReader(content)
		var rec recordbatch.Record
		if err != nil || !reader.Next(&rec) || string(rec.Value) != values[[]int{3, 30}[i]] || records != 1 || last || reader.Next(&rec) {
			t.Errorf("rejected: %q, %v records, %v", rec.Value, records, err)
		}
	}
	if len(rejects) != 2 {
		t.Errorf("%d rejected messages", len(rejects))
	}

	larger := "1000"
	if _, err := kadm.NewClient(c.Client(t)).AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{Name: "max.message.bytes", Value: &larger}}, topic); err != nil {
		t.Fatal(err)
	}
	if refusals, err := w.write(t.Context(), []int{0}); len(refusals) > 0 || err != nil {
		t.Errorf("%v, %v", refusals, err)
	}
	times := map[string]int{}
	for _, r := range c.Read(t, topic, len(values)) {
		times[string(r.Value)]++
	}
	for _, v := range values {
		if times[v] != 1 {
			t.Errorf("%.5q is stored %d times", v, times[v])
		}
	}
}

// If this fails, a partition that is added to the topic is not used until the metadata is
// old, or a record batch is written to another one.
func TestOutputWaitsForAPartition(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	o := outputOn(t, c, topic, copying)
	m := valued(t, "one")
	m.MetaSetMut(contract.KafkaPartition, 2)
	w := newWriting(o, o.producer, service.MessageBatch{m})
	refusals, err := w.write(t.Context(), nil)
	if err != nil || len(refusals) != 1 || reasonOf(refusals[0].Err) != "NO_PARTITION" {
		t.Fatalf("%v, %v", refusals, err)
	}
	wants(t, refusals[0].Err.Error(), "partition 2 of the topic "+topic+" does not exist: it has 1")
	if _, err := kadm.NewClient(c.Client(t)).UpdatePartitions(t.Context(), 3, topic); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 20*time.Second, "the partition is used", func() error {
		refusals, err := w.write(t.Context(), []int{0})
		if err == nil && len(refusals) > 0 {
			err = refusals[0].Err
		}
		return err
	})
	if got := c.Read(t, topic, 1); got[0].Partition != 2 {
		t.Errorf("it is in partition %d", got[0].Partition)
	}
}
