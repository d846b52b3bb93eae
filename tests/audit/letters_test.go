package audit_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit"
	"github.com/brandpulse/brandpulse-connect/internal/audit/influxread"
	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, points that InfluxDB rejected are reported as lost, or dead letters of
// other kinds hide a loss.
func TestRefusedPointsInDeadLetters(t *testing.T) {
	c := testenv.FakeKafka(t)
	dead := c.Topic(t, 2)
	letters := audit.Letters([]kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, dead, "mine", "tweets")
	if points, err := letters(t.Context()); err != nil || len(points) > 0 {
		t.Errorf("%+v of an empty topic, %v", points, err)
	}
	letter := func(reason, topic, value string) *kgo.Record {
		return &kgo.Record{Topic: dead, Value: []byte(value), Headers: []kgo.RecordHeader{
			{Key: "dead_reason", Value: []byte(reason)}, {Key: "dead_topic", Value: []byte(topic)},
		}}
	}
	const line = `tweets,brand=Green\ Tea\,\ Co,sentiment=positive count=17i 1700000000000000643`
	c.Produce(t,
		letter("rejected", "mine", line),
		letter("rejected", "mine", line), // a letter can be delivered twice
		letter("rejected", "mine", `tweets,brand=Tea,host=a,sentiment=neutral,src=ABCDEF-3 count=1i,text="x" 1700000000000000644`),
		letter("rejected", "another", `tweets,brand=A,sentiment=positive count=1i 1`),
		letter("undecodable", "mine", `tweets,brand=B,sentiment=positive count=1i 1`),
		letter("rejected", "mine", `other,brand=C,sentiment=positive count=1i 1`),
		letter("rejected", "mine", `tweets,brand=D,sentiment=positive count=1.5 1`),
		letter("rejected", "mine", "\x00 no line"),
	)
	transaction := c.Client(t, kgo.TransactionalID("t"))
	if err := transaction.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := transaction.ProduceSync(t.Context(), letter("undecodable", "mine", "x")).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := transaction.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err) // its marker is the last offset of the partition
	}
	got, err := letters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b influxread.Point) int { return int(a.Nanos - b.Nanos) })
	want := []influxread.Point{
		{Brand: "Green Tea, Co", Sentiment: "positive", Nanos: 1700000000000000643, Count: 17},
		{Brand: "Tea", Sentiment: "neutral", Source: "ABCDEF-3", Other: "host=a", Nanos: 1700000000000000644, Count: 1},
	}
	if !slices.Equal(got, want) {
		t.Errorf("%+v", got)
	}
	if points, err := audit.Letters([]kgo.Opt{kgo.SeedBrokers(c.Brokers...)}, "no-such-topic", "mine", "tweets")(t.Context()); err != nil || len(points) > 0 {
		t.Errorf("%+v of no topic, %v", points, err)
	}
}

// If this fails, expired points are reported as lost.
func TestExpiredPointsAreNotMissing(t *testing.T) {
	for _, version := range influxd.Versions {
		t.Run(version, func(t *testing.T) {
			server := testenv.OwnInflux(t, influxd.Options{Version: version})
			if err := server.CreateBucket(t.Context(), "short", time.Hour); err != nil {
				t.Fatal(err)
			}
			s := &subject{Reader: stream.New(t, 2).Into(stream.ExactConfig, server.Sibling("short"), stream.Env{"ENCODING": "json"}), version: version}
			s.flags = []string{"--encoding", "json"}
			var records []*kgo.Record
			for i := range 1000 {
				at := time.Now()
				if i%2 == 0 {
					at = at.Add(-3 * time.Hour)
				}
				value, _ := json.Marshal(map[string]any{"id": fmt.Sprint(i), "text": "x", "brand": "Tea", "sentiment": "positive", "timestamp": at.UnixMilli()})
				records = append(records, &kgo.Record{Topic: s.Topic, Value: value})
			}
			s.Kafka.Produce(t, records...)
			ingest := s.Reader.Start(t)
			s.Drained(t, time.Minute)
			if code := ingest.Stop(t); code != 0 {
				t.Fatalf("exit code %d", code)
			}
			if letters, err := s.Kafka.Records(t.Context(), s.Dead); err != nil || letters == 0 {
				t.Fatalf("%d dead letters, %v: nothing was rejected, so this test proves nothing", letters, err)
			}
			s.mustBeEqual(t, "--quick")
			code, stdout, stderr := s.run(t)
			if code != 0 || !strings.Contains(stdout, "holds the 500 tweets") || !strings.Contains(stdout, "keeps 1h0m0s") {
				t.Errorf("exit code %d:\n%s%s", code, stdout, stderr)
			}
		})
	}
}
