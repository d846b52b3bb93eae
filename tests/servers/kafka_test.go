package servers_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func records(topic string, from, to int) []*kgo.Record {
	var all []*kgo.Record
	for i := from; i < to; i++ {
		all = append(all, &kgo.Record{Topic: topic, Key: fmt.Appendf(nil, "k%d", i), Value: fmt.Append(nil, i)})
	}
	return all
}

// consume reads until it has seen that many records, as a member of a group, and
// commits them.
func consume(t *testing.T, c *testenv.Cluster, group, topic string, want int) map[string]bool {
	t.Helper()
	client := c.Client(t, kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	seen := map[string]bool{}
	for len(seen) < want {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("saw %d of %d records: %v", len(seen), want, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { seen[string(r.Value)] = true })
	}
	if err := client.CommitUncommittedOffsets(ctx); err != nil {
		t.Fatal(err)
	}
	return seen
}

func mustLag(t *testing.T, c *testenv.Cluster, group, topic string, want int64) {
	t.Helper()
	if lag, err := c.Lag(t.Context(), group, topic); err != nil || lag != want {
		t.Fatalf("the lag is %d, want %d; %v", lag, want, err)
	}
}

func TestKafkaGivesBackWhatWasProduced(t *testing.T) {
	for name, kafka := range map[string]func(t *testing.T) *testenv.Cluster{
		"real": func(t *testing.T) *testenv.Cluster { return testenv.Kafka(t) },
		"fake": func(t *testing.T) *testenv.Cluster { return testenv.FakeKafka(t) },
	} {
		t.Run(name, func(t *testing.T) {
			c := kafka(t)
			topic := c.Topic(t, 4)
			c.Produce(t, records(topic, 0, 500)...)
			if n, err := c.Records(t.Context(), topic); err != nil || n != 500 {
				t.Fatalf("holds %d records, %v", n, err)
			}
			mustLag(t, c, "readers", topic, 500)
			consume(t, c, "readers", topic, 500)
			mustLag(t, c, "readers", topic, 0)
			c.Produce(t, records(topic, 500, 600)...)
			mustLag(t, c, "readers", topic, 100)

			// A wrong name is an error, not a new topic.
			if err := c.Client(t, kgo.UnknownTopicRetries(1)).ProduceSync(t.Context(), &kgo.Record{Topic: topic + "x"}).FirstErr(); err == nil {
				t.Fatal("a topic that does not exist accepted a record")
			}
		})
	}
}

func TestKafkaKeepsItsRecordsWhenKilledAndIsSilentWhenPaused(t *testing.T) {
	began := time.Now()
	k := testenv.OwnKafka(t, kafkad.Options{Properties: map[string]string{"message.max.bytes": "2000000"}})
	t.Logf("responds after %s", since(began))
	topic := k.Topic(t, 8)
	for round := range 2 {
		k.Produce(t, records(topic, round*1000, round*1000+1000)...)
		if err := k.Kill(); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if err := k.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("responds again after %s", since(began))
	}
	seen := consume(t, &k.Cluster, "readers", topic, 2000)
	want := map[string]bool{}
	for _, r := range records(topic, 0, 2000) {
		want[string(r.Value)] = true
	}
	if !maps.Equal(seen, want) {
		t.Fatal("other records came back than were produced")
	}

	if err := k.Pause(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := k.Client(t).ProduceSync(ctx, records(topic, 2000, 2001)...).FirstErr(); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("producing to a paused broker gave %v", err)
	}
	if err := k.Resume(); err != nil {
		t.Fatal(err)
	}
	k.Produce(t, records(topic, 3000, 3001)...)

	configs, err := kadm.NewClient(k.Client(t)).DescribeBrokerConfigs(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range configs[0].Configs {
		if config.Key == "message.max.bytes" && config.MaybeValue() != "2000000" {
			t.Fatalf("message.max.bytes is %s", config.MaybeValue())
		}
	}
	for _, address := range listening(t, k.PID()) {
		if !strings.HasPrefix(address, "127.0.0.1:") {
			t.Errorf("listens on %s", address)
		}
	}
}
