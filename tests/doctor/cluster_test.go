package doctor_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the doctor does not name what is wrong with one of several brokers, or
// reports what follows from it as faults of their own.
func TestFaultsOfThreeBrokers(t *testing.T) {
	t.Parallel()
	c, servers := testenv.OwnKafkaCluster(t, kafkad.Options{
		HeapMB:    256,
		Listeners: []kafkad.Listener{{Name: "ELSEWHERE", Protocol: "PLAINTEXT", Advertise: "127.0.0.1:9", AdvertisedBy: 3}},
		// The offsets of each group are on one broker alone.
		Properties: map[string]string{"offsets.topic.replication.factor": "1"},
	}, 3)
	influx := testenv.Influx(t, testenv.InfluxV1)
	replicated(t, c, "tweets", nil, []int32{1, 2, 3}, []int32{2, 3, 1}, []int32{3, 1, 2})
	replicated(t, c, "dead", nil, []int32{1, 2, 3})
	replicated(t, c, "alone", nil, []int32{1}, []int32{3})
	replicated(t, c, "pair", map[string]string{"min.insync.replicas": "2"}, []int32{2, 3})
	c.Produce(t, tweets("tweets", 100, 10*time.Second)...)
	c.Produce(t, tweets("alone", 100, 10*time.Second)...)
	groups := coordinated(t, c)
	healthy := map[string]string{
		"KAFKA_BROKERS": strings.Join(c.Brokers, ","), "TOPIC": "tweets", "DEAD_TOPIC": "dead", "CONSUMER_GROUP": groups[1],
		"INFLUXDB_URL": influx.URL, "INFLUXDB_BUCKET": influx.Bucket, "HTTP_ADDRESS": "127.0.0.1:0",
	}
	two := strings.Join(c.Brokers[:2], ",")
	address := func(number int) string { return c.Brokers[number-1] }

	t.Run("all run", func(t *testing.T) {
		runAll(t, map[string]fault{
			"healthy":                  {env: healthy},
			"one advertises elsewhere": {want: doctor.KafkaAdvertised, says: "broker 3 advertises 127.0.0.1:9: ", env: with(healthy, "KAFKA_BROKERS", servers[0].Listeners["ELSEWHERE"]), only: true},
		})
	})
	if t.Failed() {
		return // what follows would be misleading
	}
	if err := servers[2].Kill(); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 30*time.Second, "the others know that it is down", func() error {
		listed, err := kadm.NewClient(c.Client(t, kgo.SeedBrokers(c.Brokers[:2]...))).ListBrokers(t.Context())
		if err == nil && len(listed) != 2 {
			err = fmt.Errorf("%v", listed)
		}
		return err
	})
	t.Run("one is down", func(t *testing.T) {
		env := with(healthy, "KAFKA_BROKERS", two)
		runAll(t, map[string]fault{
			"a copy is missing":       {want: doctor.KafkaLeaders, says: "broker 3 is down, so these partitions have fewer copies in sync than configured: 0, 1, 2 of tweets; 0 of dead", env: env, only: true},
			"an address is its own":   {want: doctor.KafkaReach, says: "2 of 3", env: healthy},
			"a leader is missing":     {want: doctor.KafkaLeaders, says: "broker 3 is down, so these partitions have no leader, and can be neither read nor written: 1 of alone", env: with(env, "TOPIC", "alone"), only: true},
			"too few copies to write": {want: doctor.KafkaLeaders, says: "the pipeline cannot write to them: 0 of pair", env: with(env, "DEAD_TOPIC", "pair"), only: true},
			"the offsets are missing": {want: doctor.KafkaGroupAccess, says: "broker 3 is down, so groups", env: with(env, "CONSUMER_GROUP", groups[3])},
		})
	})
	// Two of three decide who leads, so from now on the last one knows nothing new: for
	// it, the second runs.
	if err := servers[1].Pause(); err != nil {
		t.Fatal(err)
	}
	t.Run("one hangs", func(t *testing.T) {
		runAll(t, map[string]fault{
			"the other is asked": {want: doctor.KafkaAdvertised, says: "broker 2 advertises " + address(2) + ": no answer", env: with(healthy, "KAFKA_BROKERS", address(1)), only: true},
			"both are asked":     {want: doctor.KafkaAdvertised, says: "broker 2 advertises " + address(2) + ": no answer", env: with(healthy, "KAFKA_BROKERS", two)},
		})
	})
	if err := servers[1].Kill(); err != nil {
		t.Fatal(err)
	}
	t.Run("one runs", func(t *testing.T) {
		runAll(t, map[string]fault{
			"it is asked":    {want: doctor.KafkaAdvertised, says: "broker 2 advertises " + address(2) + ": connect: connection refused", env: with(healthy, "KAFKA_BROKERS", address(1)), only: true},
			"both are asked": {want: doctor.KafkaAdvertised, says: "broker 2", env: with(healthy, "KAFKA_BROKERS", two)},
		})
	})
}

// replicated creates a topic, each of whose partitions is on these brokers.
func replicated(t *testing.T, c *testenv.Cluster, name string, settings map[string]string, partitions ...[]int32) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, -1, -1
	for i, on := range partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), on
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
	}
	for key, value := range settings {
		s := kmsg.NewCreateTopicsRequestTopicConfig()
		s.Name, s.Value = key, &value
		topic.Configs = append(topic.Configs, s)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = []kmsg.CreateTopicsRequestTopic{topic}, 20_000
	resp, err := req.RequestWith(t.Context(), c.Client(t))
	if err == nil {
		err = kerr.ErrorForCode(resp.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("creating the topic %s: %v", name, err)
	}
}

// coordinated returns a group for each of three brokers, which has its offsets.
func coordinated(t *testing.T, c *testenv.Cluster) map[int32]string {
	t.Helper()
	admin := kadm.NewClient(c.Client(t))
	groups := map[int32]string{}
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("group-%d", i))
	}
	testenv.Eventually(t, 30*time.Second, "each broker has offsets", func() error {
		found := admin.FindGroupCoordinators(t.Context(), names...)
		for name, one := range found {
			if one.Err == nil {
				groups[one.NodeID] = name
			}
		}
		if len(groups) < 3 {
			return errors.Join(fmt.Errorf("%v", groups), found.Error())
		}
		return nil
	})
	return groups
}
