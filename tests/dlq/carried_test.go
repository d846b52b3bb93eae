package dlq_test

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, letters of exact.yaml do not say what their record needs to be written
// again: the id of its topic, its key, headers and timestamp; or a rejected point does
// not say of which topic its tweets are.
func TestLettersOfExactCarryTheirRecord(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	server := testenv.OwnInflux(t, influxd.Options{Version: testenv.InfluxV1})
	if err := server.CreateBucket(t.Context(), "hour", time.Hour); err != nil {
		t.Fatal(err)
	}
	influx := server.Sibling("hour")
	topic, dead := c.Topic(t, 1), c.Topic(t, 1)
	details, err := kadm.NewClient(c.Client(t)).ListTopics(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	id := contract.TopicIDText(details[topic].ID)

	old := tweet.Tweet{ID: []byte("1"), Text: []byte("Hi"), Brand: []byte("SuperCoffee"), Sentiment: tweet.Neutral, Millis: time.Now().Add(-3 * time.Hour).UnixMilli()}
	large := strings.Repeat("k", 600) // more than a letter carries
	c.Produce(t,
		&kgo.Record{Topic: topic, Key: []byte("user-7"), Timestamp: begin, Value: []byte("no tweet"), Headers: headers("traceparent", "00-1", "dead_reason", "spoofed")},
		&kgo.Record{Topic: topic, Timestamp: begin, Value: old.AppendAvro(nil)},
	)
	writer := c.Client(t, kgo.ProducerBatchMaxBytes(1<<20+12), kgo.ProducerBatchCompression(kgo.NoCompression()))
	whole := &kgo.Record{Topic: topic, Key: []byte(large), Timestamp: begin, Value: bytes.Repeat([]byte{0xff}, 1<<20-1000)} // its letter is cut
	if err := writer.ProduceSync(t.Context(), whole).FirstErr(); err != nil {
		t.Fatal(err)
	}
	testenv.Start(t, testenv.Command{Config: "config/exact.yaml", Env: map[string]string{
		"KAFKA_BROKERS": strings.Join(c.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": topic,
		"INFLUXDB_URL": influx.URL, "INFLUXDB_ORG": influx.Org, "INFLUXDB_BUCKET": influx.Bucket, "INFLUXDB_TOKEN": influx.Token,
	}})
	testenv.Eventually(t, 30*time.Second, "the records are dead letters", func() error {
		if l := list(t, c, "--dead-topic", dead); l.Letters < 3 {
			return fmt.Errorf("%d letters", l.Letters)
		}
		return nil
	})
	for reason, says := range map[string][]string{
		"undecodable": {"topic " + topic + ", partition 0, offset 0", "topic id " + id, "timestamp 2026-01-01 00:00:00 UTC", "key user-7", "header traceparent: 00-1", "header dead_reason: spoofed", `dead_headers: [["traceparent","MDAtMQ=="],`},
		"rejected":    {"topic " + topic + ", partition 0, offset 0 to 1", "topic id " + id, "retention policy", "measurement"},
	} {
		out := dlq(t, c, 0, "show", "--dead-topic", dead, "--reason", reason, "--partition", "0", "--offset", "0")
		for _, want := range says {
			if !strings.Contains(out, want) {
				t.Errorf("%s: does not contain %q:\n%s", reason, want, out)
			}
		}
	}

	// Replayed, the records are the same; that with the large key is read from its topic.
	dlq(t, c, 0, "replay", "--dead-topic", dead, "--reason", "undecodable", "--yes")
	all := c.Read(t, topic, 5)
	for _, again := range all[3:5] {
		was := all[0]
		if string(again.Value) != string(was.Value) {
			was = all[2]
		}
		if string(again.Key) != string(was.Key) || string(again.Value) != string(was.Value) || !again.Timestamp.Equal(was.Timestamp) ||
			!slices.EqualFunc(again.Headers, append(slices.Clone(was.Headers), headers("dlq_replays", "1")...), sameHeader) {
			t.Errorf("replayed as %q, %q, %s, %v; it was %q, %q, %s, %v", again.Key, again.Value[:8], again.Timestamp, again.Headers, was.Key, was.Value[:8], was.Timestamp, was.Headers)
		}
	}
}
