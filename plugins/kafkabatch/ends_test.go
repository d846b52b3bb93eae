package kafkabatch

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func produceAt(t *testing.T, c *testenv.Cluster, topic string, batches int, at time.Time) {
	t.Helper()
	client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
	defer client.Close()
	for range batches {
		if err := client.ProduceSync(t.Context(), &kgo.Record{Value: make([]byte, 10_000), Timestamp: at}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// What would break: in an outage of the output the lag does not change once the memory
// is used up, is 0 after a restart, and its seconds are 0 after one record of the
// year 2100. No alert fires.
func TestLagGrowsWhileNothingIsFetched(t *testing.T) {
	c := testenv.FakeKafka(t)
	topic := c.Topic(t, 1)
	hourAgo := time.Now().Add(-time.Hour)
	produceAt(t, c, topic, 1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	produceAt(t, c, topic, 20, hourAgo)
	const extra = "max_in_flight_bytes: 100KB\nfetch_max_partition_bytes: 15KB\ncommit_period: 50ms"
	r := connected(t, c, topic, extra)
	r.must().done(t) // that of the year 2100

	lags := func(r *reader, want int64, least time.Duration) {
		t.Helper()
		testenv.Eventually(t, 10*time.Second, "the lag is right", func() error {
			p, ok := r.status(topic, 0)
			if !ok || !p.LagKnown || p.Lag != want || p.LagTime < least || p.LagTime > least+time.Minute {
				return fmt.Errorf("%+v: want a lag of %d and about %s", p, want, least)
			}
			return nil
		})
	}
	lags(r, 20, time.Hour)
	if used := r.in.current().budget.InUse(); used < 50_000 {
		t.Fatalf("%d bytes are in use: fetches continue, so this shows nothing", used)
	}
	produceAt(t, c, topic, 80, hourAgo)
	lags(r, 100, time.Hour)
	r.close()

	again := connected(t, c, topic, extra)
	lags(again, 100, time.Hour)
	produceAt(t, c, topic, 5, hourAgo)
	lags(again, 105, time.Hour)
}

// What would break: the lag of a stopped partition does not change once its leader has
// changed, and an error is counted every second.
func TestLagOfAStoppedPartitionFollowsItsLeader(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.NumBrokers(2), kfake.Ports(0, 0))
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	r := connected(t, c, topic, "")
	r.must().done(t)
	s := r.in.current()
	s.report.stop(s.tracker.Partitions()[0], "corrupt", errors.New("it cannot be read"))
	if err := c.Fake.MoveTopicPartition(topic, 0, 1-c.Fake.LeaderFor(topic, 0)); err != nil {
		t.Fatal(err)
	}
	produce(t, c, topic, 0, 4)
	testenv.Eventually(t, 10*time.Second, "the lag is right", func() error {
		if p, ok := r.status(topic, 0); !ok || p.Lag != 4 {
			return fmt.Errorf("%+v: want a lag of 4", p)
		}
		return nil
	})
}
