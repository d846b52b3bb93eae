package faultlab

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// StartCluster starts a Kafka of several brokers, which ends with the test.
func StartCluster(t testing.TB, brokers int, properties map[string]string) *Broker {
	t.Helper()
	cluster, servers := testenv.OwnKafkaCluster(t, kafkad.Options{HeapMB: 256, Properties: properties}, brokers)
	return &Broker{RealKafka: &testenv.RealKafka{Cluster: *cluster, Server: servers[0]}, Servers: servers}
}

// Leader returns the broker that leads a partition of the topic.
func (l *Lab) Leader(partition int32) *kafkad.Server {
	l.Helper()
	client := l.Broker.Client(l)
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(l.Context(), l.Stream.Topic)
	if err != nil {
		l.Fatal(err)
	}
	leader := topics[l.Stream.Topic].Partitions[partition].Leader
	if leader < 1 || int(leader) > len(l.Broker.Servers) {
		l.Fatalf("the leader of partition %d is %d", partition, leader)
	}
	return l.Broker.Servers[leader-1]
}
