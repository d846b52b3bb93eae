package kafkabatch

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// reader is an input on a cluster and what a test does with it.
type reader struct {
	t  *testing.T
	in *input
}

// newReader makes an input that commits only when it must, and shares the group
// with those of other topics, unless extra says otherwise.
func newReader(t *testing.T, c *testenv.Cluster, topic, extra string) *reader {
	t.Helper()
	yaml := fmt.Sprintf("seed_brokers: [ %q ]\ntopics: [ %s ]\nconsumer_group: g\nmetadata_max_age: 300ms\nfetch_max_wait: 50ms\n%s", c.Brokers[0], topic, extra)
	if !strings.Contains(extra, fieldCommitPeriod) {
		yaml += "\ncommit_period: 1h"
	}
	if !strings.Contains(extra, fieldIdentity+":") {
		yaml += "\nidentity: source"
	}
	parsed, err := spec().ParseYAML(yaml, nil)
	if err != nil {
		t.Fatal(err)
	}
	made, err := newInput(parsed, service.MockResources())
	if err != nil {
		t.Fatal(err)
	}
	r := &reader{t: t, in: made.(*input)}
	t.Cleanup(r.close)
	return r
}

func connected(t *testing.T, c *testenv.Cluster, topic, extra string) *reader {
	t.Helper()
	r := newReader(t, c, topic, extra)
	if err := r.in.Connect(t.Context()); err != nil {
		t.Fatal(err)
	}
	return r
}

func (r *reader) close() {
	if err := r.in.Close(context.Background()); err != nil {
		r.t.Errorf("closing: %v", err)
	}
}

// read is one batch that was delivered.
type read struct {
	messages service.MessageBatch
	ack      service.AckFunc
}

func (b read) meta(key string) any {
	v, _ := b.messages[0].MetaGetMut(key)
	return v
}

func (b read) bytes() []byte {
	v, _ := b.messages[0].AsBytes()
	return v
}

func (b read) done(t *testing.T) {
	t.Helper()
	if err := b.ack(context.Background(), nil); err != nil {
		t.Error(err)
	}
}

// next gives the next batch, or nothing if none comes in time.
func (r *reader) next(timeout time.Duration) (read, bool) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	messages, ack, err := r.in.ReadBatch(ctx)
	if err != nil {
		return read{}, false
	}
	return read{messages, ack}, true
}

func (r *reader) must() read {
	r.t.Helper()
	b, ok := r.next(10 * time.Second)
	if !ok {
		r.t.Fatal("no batch comes")
	}
	return b
}

func (r *reader) nothing(within time.Duration) {
	r.t.Helper()
	if b, ok := r.next(within); ok {
		r.t.Fatalf("a batch comes at offset %v of partition %v", b.meta(contract.KafkaOffset), b.meta(contract.KafkaPartition))
	}
}

// stopped waits until a partition is stopped, and says why.
func (r *reader) stopped(topic string, partition int32) (text string) {
	r.t.Helper()
	testenv.Eventually(r.t, 10*time.Second, "the partition is stopped", func() error {
		p, ok := r.status(topic, partition)
		if !ok || p.Step != track.Stopped {
			return fmt.Errorf("it is not: %+v", p)
		}
		text = p.Stopped.Error()
		return nil
	})
	return text
}

// status returns how a partition is, if the reader has it.
func (r *reader) status(topic string, partition int32) (track.Status, bool) {
	for _, p := range r.in.current().tracker.Status(time.Now()) {
		if (p.ID == track.ID{Topic: topic, Partition: partition}) {
			return p, true
		}
	}
	return track.Status{}, false
}

func admin(t *testing.T, c *testenv.Cluster) *kadm.Client { return kadm.NewClient(c.Client(t)) }

func committedOf(t *testing.T, c *testenv.Cluster, topic string, partition int32) kadm.Offset {
	t.Helper()
	offsets, err := admin(t, c).FetchOffsets(t.Context(), "g")
	if err != nil {
		t.Fatal(err)
	}
	o, ok := offsets.Lookup(topic, partition)
	if !ok {
		return kadm.Offset{At: -1}
	}
	return o.Offset
}

// metadataOf is what a commit of the topic as it is now says.
func metadataOf(t *testing.T, c *testenv.Cluster, topic, fingerprint string, clean bool) string {
	t.Helper()
	return track.CommitMetadata{Fingerprint: track.Fingerprint(fingerprint), Clean: clean, Topic: idOf(t, c, topic)}.String()
}

func idOf(t *testing.T, c *testenv.Cluster, topic string) string {
	t.Helper()
	topics, err := admin(t, c).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	return track.TopicIDText(topics[topic].ID)
}

// produce writes batches to one partition, each of so many records.
func produce(t *testing.T, c *testenv.Cluster, topic string, partition int32, sizes ...int) {
	t.Helper()
	produceWith(t, c, topic, kgo.NoCompression(), partition, sizes...)
}

func produceWith(t *testing.T, c *testenv.Cluster, topic string, codec kgo.CompressionCodec, partition int32, sizes ...int) {
	t.Helper()
	for _, n := range sizes {
		produceBatch(t, c, topic, codec, partition, n)
	}
}

// produceBatch has a client of its own: one that has just sent a batch may send
// the first records of the next while the others are still being put into it,
// flushing by hand or not.
func produceBatch(t *testing.T, c *testenv.Cluster, topic string, codec kgo.CompressionCodec, partition int32, n int) {
	t.Helper()
	client := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ManualFlushing(), kgo.ProducerBatchCompression(codec))
	defer client.Close()
	// It must know the topic, or Flush does the same. This one it cannot send.
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: -1}).FirstErr(); err == nil {
		t.Fatal("a record for no partition is sent")
	}
	for i := range n {
		client.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Value: fmt.Appendf(nil, "record %d", i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}
