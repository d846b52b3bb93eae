package exact_test

import (
	"encoding/base32"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, points of one topic replace those of another at the same offsets,
// although `identity: source` is set.
func TestTopicsInOneMeasurement(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
		one := stream.New(t, stream.Partitions)
		other := *one
		other.Topic = one.Kafka.Topic(t, stream.Partitions)
		produceTwins(t, one, other.Topic, 100)

		bucket := testenv.Influx(t, version)
		proxy, through := testenv.FaultyProxy(t, bucket, influxfault.Always(influxfault.Fault{Kind: influxfault.HoldAnswer}))
		reader := one.Into(stream.ExactConfig, through, stream.Env{"TOPIC": one.Topic + "," + other.Topic}).QuickToNotice(session)
		reader.Args = append(reader.Args, "--set", "input.kafka_batches.identity=source", "--set", "pipeline.processors.0.sentiment_window.identity=source")
		ingest := reader.Start(t)
		stream.Await(t, "a request is held", func() bool { return proxy.Stats().Held > 0 })
		time.Sleep(stream.Hold)
		ingest.Kill(t)
		proxy.SetFaults(nil)
		ingest.Restart(t)
		reader.Drained(t, time.Minute)
		both := *reader
		both.Stream = &other
		both.Drained(t, time.Minute)
		if proxy.Stats().Twice == 0 {
			t.Error("nothing was rewritten")
		}

		coverage, err := oracle.ReadCoverage(t.Context(), bucket)
		if err != nil {
			t.Fatal(err)
		}
		want := oracle.Counts{}
		for _, s := range []*stream.Stream{one, &other} {
			topic, err := oracle.ReadTopic(t.Context(), s.Kafka.Brokers, s.Topic, oracle.Avro)
			if err != nil {
				t.Fatal(err)
			}
			for key, n := range topic.Counts {
				want[key] += n
			}
			if err := ofTopic(t, coverage, s).Tiles(topic); err != nil {
				t.Errorf("topic %s: %v", s.Topic, err)
			}
		}
		reader.MustEqual(t, want)
		if twins := twins(coverage); twins < 50 {
			t.Errorf("%d batches are at the same offsets of both topics, too few to show anything", twins)
		}
	})
}

// If this fails, a group that is started with another topic replaces points of its
// previous topic, although a real broker's commits name it.
func TestAnotherTopicInTheSameGroup(t *testing.T) {
	c := testenv.Kafka(t)
	one, two := c.Topic(t, 1), c.Topic(t, 1)
	for _, topic := range []string{one, two} {
		c.Produce(t, &kgo.Record{Topic: topic, Value: []byte("a")}, &kgo.Record{Topic: topic, Value: []byte("b")})
	}
	first := consume(t, c, one, "", never)
	first.waitFor(t, readAll(t, c, one, 2))
	first.stop()

	other := consumeAs(t, c, one, two, "", never)
	other.waitForLog(t, "the group "+one+" has counted the topic "+one, "to count "+two, "identity: source", "--delete-offsets")
	other.stop()
	if len(other.records) > 0 {
		t.Errorf("%d records of it are read", len(other.records))
	}
	if _, err := kadm.NewClient(c.Client(t)).DeleteOffsets(t.Context(), one, kadm.TopicsSet{one: {0: {}}}); err != nil {
		t.Fatal(err)
	}
	consumeAs(t, c, one, two, "", never).waitFor(t, readAll(t, c, two, 2))
}

// produceTwins writes the same batches to both topics.
func produceTwins(t *testing.T, s *stream.Stream, other string, count int) {
	t.Helper()
	batches := produce.NewBatches(stream.Partitions)
	client := s.Kafka.Client(t, produce.ClientOptions(s.Topic, kgo.SnappyCompression())...)
	random := rand.New(rand.NewPCG(3, 0))
	for range count {
		records := batches.Records(random, 1+random.IntN(200))
		for _, r := range records {
			records = append(records, &kgo.Record{Topic: other, Partition: r.Partition, Value: r.Value})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// ofTopic returns the coverage of one topic, by its id.
func ofTopic(t *testing.T, coverage oracle.Coverage, s *stream.Stream) oracle.Coverage {
	t.Helper()
	topics, err := kadm.NewClient(s.Kafka.Client(t)).ListTopics(t.Context(), s.Topic)
	if err != nil {
		t.Fatal(err)
	}
	id := topics[s.Topic].ID
	source := base32.StdEncoding.EncodeToString(id[:])[:6] + "-"
	var of oracle.Coverage
	for _, span := range coverage {
		if strings.HasPrefix(span.Source, source) {
			of = append(of, span)
		}
	}
	return of
}

// twins returns the number of batches at the same offsets as one of the other topic.
func twins(coverage oracle.Coverage) (twins int) {
	type place struct {
		partition int32
		base      int64
	}
	seen := map[place]bool{}
	for _, s := range coverage {
		at := place{s.Partition, s.Base}
		if seen[at] {
			twins++
		}
		seen[at] = true
	}
	return twins
}
