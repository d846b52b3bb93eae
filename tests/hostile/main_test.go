// Package hostile_test runs the shipped pipelines on the records of a hostile producer:
// record batches that grow to a thousand times their size, and records whose letters
// are larger than Kafka accepts. Kafka and InfluxDB run in this process: the tests
// check the memory of the program and what it writes.
package hostile_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/influxfake"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// run starts a shipped pipeline on a topic, with an InfluxDB in this process.
func run(t *testing.T, c *testenv.Cluster, config, topic, dead string, env map[string]string, args ...string) (*testenv.Program, *influxfake.Server) {
	t.Helper()
	server := influxfake.New(influxfake.Options{})
	url, stop := server.Listen()
	t.Cleanup(stop)
	command := testenv.Command{Config: config, Args: args, Env: map[string]string{
		"KAFKA_BROKERS": c.Brokers[0], "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": topic,
		"INFLUXDB_URL": url, "INFLUXDB_ORG": "org", "INFLUXDB_BUCKET": "bucket",
	}}
	for name, value := range env {
		command.Env[name] = value
	}
	return testenv.Start(t, command), server
}

// committed returns the offset that the group of a topic has committed for partition 0.
func committed(ctx context.Context, client *kgo.Client, topic string) (int64, error) {
	offsets, err := kadm.NewClient(client).FetchOffsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	o, ok := offsets.Lookup(topic, 0)
	if !ok {
		return 0, fmt.Errorf("nothing is committed of %s", topic)
	}
	return o.At, nil
}

// send writes a record batch unchanged to partition 0.
func send(t *testing.T, client *kgo.Client, topic string, batch []byte) {
	t.Helper()
	topics, err := kadm.NewClient(client).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	p := kmsg.NewProduceRequestTopicPartition()
	p.Records = batch
	rt := kmsg.NewProduceRequestTopic()
	rt.Topic, rt.TopicID = topic, topics[topic].ID
	rt.Partitions = append(rt.Partitions, p)
	req := kmsg.NewPtrProduceRequest()
	req.Acks, req.TimeoutMillis = -1, 5000
	req.Topics = append(req.Topics, rt)
	answer, err := client.Broker(0).Request(t.Context(), req)
	if err == nil {
		err = kerr.ErrorForCode(answer.(*kmsg.ProduceResponse).Topics[0].Partitions[0].ErrorCode)
	}
	if err != nil {
		t.Fatal(err)
	}
}
