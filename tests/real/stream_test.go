package real_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// The shipped pipelines.
const (
	generateConfig     = "config/generate.yaml"
	ingestConfig       = "config/ingest.yaml"
	ingestTweetsConfig = "config/ingest_tweets.yaml"
)

// partitions are as many as compose.yaml gives the topic of tweets.
const partitions = 8

// env are environment variables of a pipeline.
type env map[string]string

// stream is a topic of tweets and where its dead letters go.
type stream struct {
	kafka       *testenv.Cluster
	topic, dead string
}

func newStream(t testing.TB) *stream {
	t.Helper()
	kafka := testenv.Kafka(t)
	return &stream{kafka, kafka.Topic(t, partitions), kafka.Topic(t, 1)}
}

// generate starts the shipped generator.
func (s *stream) generate(t testing.TB, settings env) *testenv.Program {
	t.Helper()
	variables := env{
		"KAFKA_BROKERS": s.kafka.Brokers[0],
		"TOPIC":         s.topic,
	}
	maps.Copy(variables, settings)
	return testenv.Start(t, testenv.Command{Config: generateConfig, Env: variables})
}

// fill generates so many tweets, 8,000 in a batch, as fast as it goes.
func (s *stream) fill(t testing.TB, tweets int, timeout time.Duration) {
	t.Helper()
	mustEndWell(t, s.generate(t, env{"RATE": "0", "COUNT": strconv.Itoa(tweets)}), timeout)
	if records, err := s.kafka.Records(t.Context(), s.topic); err != nil || records != int64(tweets) {
		t.Fatalf("Kafka holds %d tweets of the %d generated; %v", records, tweets, err)
	}
}

func mustEndWell(t testing.TB, generator *testenv.Program, timeout time.Duration) {
	t.Helper()
	if code := generator.Wait(t, timeout); code != 0 {
		t.Fatalf("the generator has ended with exit code %d", code)
	}
}

// read is what Kafka holds, which all else is measured by.
func (s *stream) read(t testing.TB) oracle.Counts {
	t.Helper()
	read, err := oracle.ReadTopic(t.Context(), s.kafka.Brokers, s.topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Undecodable) > 0 {
		t.Fatalf("the generator has written what is no tweet: %+v", read.Undecodable[0])
	}
	return read.Counts
}

// reader is a pipeline that reads the stream into a bucket, as one process or
// several of a consumer group.
type reader struct {
	*stream
	config   string
	args     []string
	group    string
	bucket   *influxd.Database
	settings env
}

var groups atomic.Int64

// into gives a reader of the stream with a consumer group of its own.
func (s *stream) into(config string, bucket *influxd.Database, settings env) *reader {
	return &reader{
		stream: s, config: config, bucket: bucket, settings: settings,
		group: fmt.Sprintf("%s-%d", s.topic, groups.Add(1)),
	}
}

// quickToNotice lets the partitions of a process that was killed go to another
// one after 3 s. The shipped configs have no variable for the heartbeat, which
// must come more often.
func (r *reader) quickToNotice() *reader {
	r.args = append(r.args, "--set", "input.redpanda.session_timeout=3s", "--set", "input.redpanda.heartbeat_interval=500ms")
	return r
}

// start starts a process of the group.
func (r *reader) start(t testing.TB) *testenv.Program {
	t.Helper()
	variables := env{
		"KAFKA_BROKERS":   r.kafka.Brokers[0],
		"TOPIC":           r.topic,
		"DEAD_TOPIC":      r.dead,
		"CONSUMER_GROUP":  r.group,
		"INFLUXDB_URL":    r.bucket.URL,
		"INFLUXDB_TOKEN":  r.bucket.Token,
		"INFLUXDB_ORG":    r.bucket.Org,
		"INFLUXDB_BUCKET": r.bucket.Bucket,
	}
	maps.Copy(variables, r.settings)
	return testenv.Start(t, testenv.Command{Config: r.config, Args: r.args, Env: variables})
}

// drained waits until all that Kafka holds is acknowledged, by which it must be
// in InfluxDB.
func (r *reader) drained(t testing.TB, timeout time.Duration) {
	t.Helper()
	testenv.Eventually(t, timeout, "the lag is 0", func() error {
		lag, err := r.kafka.Lag(t.Context(), r.group, r.topic)
		if err == nil && lag > 0 {
			err = fmt.Errorf("the lag is %d", lag)
		}
		return err
	})
}

// lag is how many tweets Kafka holds that are not acknowledged.
func (r *reader) lag(t testing.TB) int64 {
	t.Helper()
	lag, err := r.kafka.Lag(t.Context(), r.group, r.topic)
	if err != nil {
		t.Fatal(err)
	}
	return lag
}

// mustEqual compares InfluxDB with Kafka, by second, brand and sentiment.
func (r *reader) mustEqual(t testing.TB, want oracle.Counts) {
	t.Helper()
	got, err := oracle.ReadInflux(t.Context(), r.bucket)
	if err == nil {
		err = oracle.Equal(got, want)
	}
	if err != nil {
		t.Fatalf("what InfluxDB holds is not what Kafka holds: %v", err)
	}
}

// mustHaveNoDeadLetters fails if a tweet was put aside instead of counted.
func (s *stream) mustHaveNoDeadLetters(t testing.TB) {
	t.Helper()
	if dead, err := s.kafka.Records(t.Context(), s.dead); err != nil || dead != 0 {
		t.Fatalf("%d dead letters, %v", dead, err)
	}
}

// points counts those in the bucket.
func points(t testing.TB, bucket *influxd.Database) int64 {
	t.Helper()
	n, err := oracle.CountPoints(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// counted is how many tweets a process has counted.
func counted(ctx context.Context, p *testenv.Program) (int64, error) {
	metrics, err := p.Metrics(ctx)
	return int64(metrics.Sum("sentiment_window_tweets")), err
}

// awaitCounted waits until a process has counted so many tweets.
func awaitCounted(t testing.TB, p *testenv.Program, tweets int64) {
	t.Helper()
	testenv.Eventually(t, time.Minute, fmt.Sprintf("%d tweets are counted", tweets), func() error {
		if !p.Running() {
			t.Fatal("the ingest has ended")
		}
		n, err := counted(t.Context(), p)
		if err == nil && n < tweets {
			err = errors.New(strconv.FormatInt(n, 10))
		}
		return err
	})
}
