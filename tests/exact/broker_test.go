package exact_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// A killed broker comes back as the leader of a new epoch. The input must check whether
// it still has the records that were read, read from it again, and the group must
// resume where it was.
func TestABrokerThatIsKilled(t *testing.T) {
	c := testenv.OwnKafka(t, kafkad.Options{HeapMB: 384})
	topic := c.Topic(t, 2)
	rng := rand.New(rand.NewPCG(3, 0))
	produce := func() {
		t.Helper()
		producer := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
		defer producer.Close()
		if err := producer.ProduceSync(t.Context(), records(rng, topic, 2, 500)...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	produce()
	reader := consume(t, &c.Cluster, topic, "metadata_max_age: 5s", never)
	reader.waitFor(t, readAll(t, &c.Cluster, topic, 500))
	for i := range 2 {
		if err := c.Kill(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if err := c.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		produce()
		reader.waitFor(t, readAll(t, &c.Cluster, topic, 500*(i+2)))
	}
	reader.stop()
	if lag, err := c.Lag(t.Context(), topic, topic); err != nil || lag != 0 {
		t.Errorf("the lag is %d: %v", lag, err)
	}
}

// If this fails, records that a real broker has lost are silently skipped.
func TestRecordsThatARealBrokerLosesAreReported(t *testing.T) {
	c := testenv.Kafka(t)
	fill := func(topic string) {
		t.Helper()
		producer := c.Client(t)
		defer producer.Close()
		for range 3 {
			if err := producer.ProduceSync(t.Context(), records(rand.New(rand.NewPCG(4, 0)), topic, 1, 10)...).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	admin := kadm.NewClient(c.Client(t))
	at := func(topic string, offset int64) kadm.Offsets {
		offsets := kadm.Offsets{}
		offsets.Add(kadm.Offset{Topic: topic, At: offset, LeaderEpoch: -1})
		return offsets
	}
	t.Run("retention", func(t *testing.T) {
		topic := c.Topic(t, 1)
		fill(topic)
		if err := admin.CommitAllOffsets(t.Context(), topic, at(topic, 10)); err != nil {
			t.Fatal(err)
		}
		if _, err := admin.DeleteRecords(t.Context(), at(topic, 20)); err != nil {
			t.Fatal(err)
		}
		stopped := consume(t, c, topic, "", never)
		stopped.waitForLog(t, "log begins at offset 20", "offsets 10 to 19", "on_lost_records: earliest")
		stopped.stop()
		if len(stopped.records) > 0 {
			t.Errorf("%d records come", len(stopped.records))
		}
		goesOn := consume(t, c, topic, "on_lost_records: earliest", never)
		goesOn.waitFor(t, readAll(t, c, topic, 10))
	})
	t.Run("created again", func(t *testing.T) {
		topic := c.Topic(t, 1)
		fill(topic)
		reader := consume(t, c, topic, "metadata_max_age: 1s", never)
		reader.waitFor(t, readAll(t, c, topic, 30))
		if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
			t.Fatal(err)
		}
		testenv.Eventually(t, 10*time.Second, "the topic is created again", func() error {
			_, err := admin.CreateTopic(t.Context(), 1, 1, nil, topic)
			return err
		})
		reader.waitForLog(t, "was deleted and created again", "identity: source")
	})
	t.Run("behind the end", func(t *testing.T) {
		topic := c.Topic(t, 1)
		fill(topic)
		if err := admin.CommitAllOffsets(t.Context(), topic, at(topic, 100)); err != nil {
			t.Fatal(err)
		}
		consume(t, c, topic, "", never).waitForLog(t, "cut off", "offsets from 30 to 99")
	})
	t.Run("compacted", func(t *testing.T) {
		c.CreateTopic(t, "compacted-"+t.Name()[:4], 1, map[string]string{"cleanup.policy": "compact"})
		consume(t, c, "compacted-"+t.Name()[:4], "", never).waitForLog(t, "cleanup.policy contains compact")
	})
}
