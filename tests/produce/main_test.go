// Package produce_test holds the rules that a produce request has to keep, each against a
// real Kafka: what internal/kafka/produce is built on, and that it keeps them.
package produce_test

import (
	"context"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/produce"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// batchOf is a batch of values, not compressed.
func batchOf(t *testing.T, timestamp int64, values ...string) []byte {
	t.Helper()
	var b recordbatch.Builder
	b.Begin(nil)
	for _, v := range values {
		b.Append(&recordbatch.Record{Timestamp: timestamp, Value: []byte(v)})
	}
	batch, err := b.Finish()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// broker sends requests as they are.
type broker struct {
	client *kgo.Client
	topic  string
	id     [16]byte
	leader int32
}

func brokerOf(t *testing.T, c *testenv.Cluster, topic string) *broker {
	t.Helper()
	client := c.Client(t, kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite())
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	return &broker{client, topic, resp.Topics[0].TopicID, resp.Topics[0].Partitions[0].Leader}
}

// send sends entries of partitions to the topic, or to another one that change makes of it,
// and returns the answers.
func (b *broker) send(t *testing.T, change func(*kmsg.ProduceRequestTopic), entries ...kmsg.ProduceRequestTopicPartition) []kmsg.ProduceResponseTopicPartition {
	t.Helper()
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = 1, 10_000
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID, rt.Partitions = b.topic, b.id, entries
	if change != nil {
		change(&rt)
	}
	req.Topics = append(req.Topics, rt)
	answer, err := b.client.Broker(int(b.leader)).Request(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	var answers []kmsg.ProduceResponseTopicPartition
	for _, rt := range answer.(*kmsg.ProduceResponse).Topics {
		answers = append(answers, rt.Partitions...)
	}
	return answers
}

func entry(partition int32, batches ...[]byte) kmsg.ProduceRequestTopicPartition {
	rp := kmsg.NewProduceRequestTopicPartition()
	rp.Partition = partition
	for _, b := range batches {
		rp.Records = append(rp.Records, b...)
	}
	return rp
}

func producing(t *testing.T, c *testenv.Cluster, change func(*produce.Config)) *produce.Producer {
	t.Helper()
	conf := produce.Defaults()
	conf.Client = []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}
	if change != nil {
		change(&conf)
	}
	p, err := produce.New(conf)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close(context.Background()) })
	return p
}

// write is a call with records for partition 0.
func write(t *testing.T, p *produce.Producer, topic string, records ...recordbatch.Record) []produce.Refusal {
	t.Helper()
	call := p.Begin()
	to, err := call.Topic(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		call.Add(to, 0, i, &records[i])
	}
	refusals, err := call.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return refusals
}
