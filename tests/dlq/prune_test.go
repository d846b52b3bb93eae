package dlq_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/settle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// deleteUntil removes the records of partition 0 before an offset, all if that is -1.
func deleteUntil(t *testing.T, c *testenv.Cluster, topic string, offset int64) {
	t.Helper()
	var until kadm.Offsets
	until.AddOffset(topic, 0, offset, -1)
	client := c.Client(t) // a new one, which remembers no earlier topic with the name
	defer client.Close()
	responses, err := kadm.NewClient(client).DeleteRecords(t.Context(), until)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// topicID returns the id of a topic, as letters and marks have it.
func topicID(t *testing.T, admin *kadm.Client, topic string) string {
	t.Helper()
	topics, err := admin.ListTopics(t.Context(), topic)
	if err != nil || topics[topic].Err != nil {
		t.Fatal(err, topics[topic].Err)
	}
	return contract.TopicIDText(topics[topic].ID)
}

// age makes all marks two hours older, which is more than they are kept at least.
func age(t *testing.T, c *testenv.Cluster, dead string, n int) {
	t.Helper()
	records := c.Read(t, marks.Topic(dead), n)
	for i, r := range records {
		var m map[string]any
		if err := json.Unmarshal(r.Value, &m); err != nil {
			t.Fatal(err)
		}
		m["at"] = time.Now().Add(-2 * time.Hour).UnixMilli()
		value, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		records[i] = &kgo.Record{Topic: r.Topic, Key: r.Key, Value: value}
	}
	c.Produce(t, records...)
}

// If this fails, an offset reset brings settled letters back, or a mark is removed while
// that could happen: while its letter exists, or its record, or in the name of another
// topic that has the name of its own; or marks that nobody needs are kept for ever.
func TestMarksAreRemovedWithTheirRecords(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	bucket := testenv.Influx(t, testenv.InfluxV1)
	admin := kadm.NewClient(c.Client(t))
	topic, dead := c.Topic(t, 1), c.Topic(t, 1)
	env := environment(c, bucket, topic, dead)
	groups := 0
	reset := func() { // a new group reads from the start, as one whose offsets were reset
		t.Helper()
		groups++
		env["CONSUMER_GROUP"] = fmt.Sprint(topic, "-", groups)
		drain(t, c, "config/exact.yaml", env)
	}
	listed := func(when string, want int64, args ...string) {
		t.Helper()
		if l := list(t, c, append([]string{"--dead-topic", dead}, args...)...); l.Letters != want {
			t.Errorf("%s %d letters are listed, want %d: %+v", when, l.Letters, want, l.Groups)
		}
	}
	drop := func(args ...string) {
		t.Helper()
		dlq(t, c, 0, append([]string{"drop", "--dead-topic", dead, "--why", "a test", "--yes"}, args...)...)
	}
	pruned := func() { // each drop removes the marks that are not needed
		t.Helper()
		c.Produce(t, letter(dead, 0, "of nothing", nil))
		drop()
	}
	kept := func(when string, want []string, removed ...string) {
		t.Helper()
		set, err := settle.Settled(t.Context(), []kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, dead)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.DeleteFunc(slices.Concat(want, removed), func(key string) bool { return !set.Has(key) })
		if !slices.Equal(got, want) {
			t.Errorf("%s kept are %q, want %q", when, got, want)
		}
	}

	for i := range 4 {
		c.Produce(t, &kgo.Record{Topic: topic, Value: fmt.Append(nil, "value ", i)})
	}
	c.Produce(t, letter(dead, 0, "without an origin", nil))
	own := fmt.Sprintf("letter/%s/0/0", topicID(t, admin, dead))
	id := topicID(t, admin, topic)
	of := func(offset int) string { return fmt.Sprintf("id/%s/0/%d", id, offset) }
	reset()
	listed("at first", 5)
	dlq(t, c, 0, "replay", "--dead-topic", dead, "--partition", "0", "--offset", "3", "--fix", fixToTweets, "--yes")
	drop()
	listed("after all are settled", 0)
	reset()
	listed("after a reset of the offsets", 0)
	listed("after a reset of the offsets, with those that are settled,", 9, "--all")

	age(t, c, dead, 5)
	deleteUntil(t, c, topic, 2)
	pruned()
	kept("while the letters exist", []string{of(0), of(1), of(2), of(3), own})
	deleteUntil(t, c, dead, -1)
	pruned()
	kept("without some letters and records", []string{of(2), of(3)}, of(0), of(1), own)
	reset()
	listed("after a reset to the new start", 0)
	listed("after a reset to the new start, with those that are settled,", 3, "--all") // and that of the last prune

	// Another topic with the name.
	if _, err := admin.DeleteTopics(t.Context(), topic); err != nil {
		t.Fatal(err)
	}
	testenv.Eventually(t, 30*time.Second, "the topic is deleted", func() error {
		topics, err := admin.ListTopics(t.Context(), topic)
		if err == nil && topics.Has(topic) {
			err = fmt.Errorf("it exists")
		}
		return err
	})
	c.CreateTopic(t, topic, 1, nil)
	for i := range 4 {
		c.Produce(t, &kgo.Record{Topic: topic, Value: fmt.Append(nil, "value ", i)})
	}
	reset()
	listed("of another topic with the name", 4)
	drop()
	deleteUntil(t, c, topic, 4)
	deleteUntil(t, c, dead, -1)
	pruned()
	kept("while another topic has the name", []string{of(2), of(3)})
}
