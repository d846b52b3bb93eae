// Package stream runs the shipped pipelines, with the real binary, a real Kafka and a
// real InfluxDB, for tests that compare the contents of InfluxDB with those of Kafka.
package stream

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
	GenerateConfig     = "config/generate.yaml"
	IngestConfig       = "config/ingest.yaml"
	IngestTweetsConfig = "config/ingest_tweets.yaml"
	ExactConfig        = "config/exact.yaml"
)

// Partitions is the number of partitions of the topic of tweets in compose.yaml.
const Partitions = 8

// Env are environment variables of a pipeline.
type Env map[string]string

// Stream is a topic of tweets and the topic of its dead letters.
type Stream struct {
	Kafka       *testenv.Cluster
	Topic, Dead string
}

// New creates the topics in the shared Kafka.
func New(t testing.TB, partitions int32) *Stream {
	t.Helper()
	return In(t, testenv.Kafka(t), partitions)
}

// In creates the topics in a Kafka.
func In(t testing.TB, kafka *testenv.Cluster, partitions int32) *Stream {
	t.Helper()
	return &Stream{kafka, kafka.Topic(t, partitions), kafka.Topic(t, 1)}
}

// Generate starts the shipped generator.
func (s *Stream) Generate(t testing.TB, settings Env) *testenv.Program {
	t.Helper()
	variables := Env{
		"KAFKA_BROKERS": s.Kafka.Brokers[0],
		"TOPIC":         s.Topic,
	}
	maps.Copy(variables, settings)
	return testenv.Start(t, testenv.Command{Config: GenerateConfig, Env: variables})
}

// Fill generates this many tweets, 8,000 per batch, as fast as possible.
func (s *Stream) Fill(t testing.TB, tweets int, timeout time.Duration) {
	t.Helper()
	MustEndWell(t, s.Generate(t, Env{"RATE": "0", "COUNT": strconv.Itoa(tweets)}), timeout)
	if records, err := s.Kafka.Records(t.Context(), s.Topic); err != nil || records != int64(tweets) {
		t.Fatalf("Kafka holds %d tweets of the %d generated; %v", records, tweets, err)
	}
}

// MustEndWell waits for a generator to end with exit code 0.
func MustEndWell(t testing.TB, generator *testenv.Program, timeout time.Duration) {
	t.Helper()
	if code := generator.Wait(t, timeout); code != 0 {
		t.Fatalf("the generator has ended with exit code %d", code)
	}
}

// Read returns the content of Kafka, the reference for everything else.
func (s *Stream) Read(t testing.TB) oracle.Counts {
	t.Helper()
	read, err := oracle.ReadTopic(t.Context(), s.Kafka.Brokers, s.Topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	if len(read.Undecodable) > 0 {
		t.Fatalf("the generator has written a record that is not a tweet: %+v", read.Undecodable[0])
	}
	return read.Counts
}

// Reader is a pipeline that reads the stream into a bucket, as one process or several
// of a consumer group.
type Reader struct {
	*Stream
	Config   string
	Args     []string
	Group    string
	Bucket   *influxd.Database
	Settings Env
}

var groups atomic.Int64

// Into returns a reader of the stream with its own consumer group.
func (s *Stream) Into(config string, bucket *influxd.Database, settings Env) *Reader {
	return &Reader{
		Stream: s, Config: config, Bucket: bucket, Settings: settings,
		Group: fmt.Sprintf("%s-%d", s.Topic, groups.Add(1)),
	}
}

// QuickToNotice makes the group reassign the partitions of a killed process after the
// given time. The shipped configs have no variable for the heartbeat interval, which
// must be shorter.
func (r *Reader) QuickToNotice(session time.Duration) *Reader {
	input := "redpanda"
	if r.Config == ExactConfig {
		input = "kafka_batches"
	}
	r.Args = append(r.Args,
		"--set", fmt.Sprintf("input.%s.session_timeout=%s", input, session),
		"--set", fmt.Sprintf("input.%s.heartbeat_interval=%s", input, session/6))
	return r
}

// Environment returns the variables of the pipeline's configuration.
func (r *Reader) Environment() Env {
	variables := Env{
		"KAFKA_BROKERS":   r.Kafka.Brokers[0],
		"TOPIC":           r.Topic,
		"DEAD_TOPIC":      r.Dead,
		"CONSUMER_GROUP":  r.Group,
		"INFLUXDB_URL":    r.Bucket.URL,
		"INFLUXDB_TOKEN":  r.Bucket.Token,
		"INFLUXDB_ORG":    r.Bucket.Org,
		"INFLUXDB_BUCKET": r.Bucket.Bucket,
	}
	maps.Copy(variables, r.Settings)
	return variables
}

// Start starts a process of the group.
func (r *Reader) Start(t testing.TB) *testenv.Program {
	t.Helper()
	return testenv.Start(t, testenv.Command{Config: r.Config, Args: r.Args, Env: r.Environment()})
}

// Drained waits until everything in Kafka is acknowledged, and so must be in InfluxDB.
func (r *Reader) Drained(t testing.TB, timeout time.Duration) {
	t.Helper()
	testenv.Eventually(t, timeout, "the lag is 0", func() error {
		lag, err := r.Kafka.Lag(t.Context(), r.Group, r.Topic)
		if err == nil && lag > 0 {
			err = fmt.Errorf("the lag is %d", lag)
		}
		return err
	})
}

// Lag returns the number of tweets in Kafka that are not acknowledged.
func (r *Reader) Lag(t testing.TB) int64 {
	t.Helper()
	lag, err := r.Kafka.Lag(t.Context(), r.Group, r.Topic)
	if err != nil {
		t.Fatal(err)
	}
	return lag
}

// MustEqual compares InfluxDB with Kafka, by second, brand and sentiment.
func (r *Reader) MustEqual(t testing.TB, want oracle.Counts) {
	t.Helper()
	got, err := oracle.ReadInflux(t.Context(), r.Bucket)
	if err == nil {
		err = oracle.Equal(got, want)
	}
	if err != nil {
		t.Fatalf("InfluxDB does not hold what Kafka holds: %v", err)
	}
}

// MustHaveNoDeadLetters fails the test if there is a dead letter.
func (s *Stream) MustHaveNoDeadLetters(t testing.TB) {
	t.Helper()
	if dead, err := s.Kafka.Records(t.Context(), s.Dead); err != nil || dead != 0 {
		t.Fatalf("%d dead letters, %v", dead, err)
	}
}

// Points returns the number of points in the bucket.
func Points(t testing.TB, bucket *influxd.Database) int64 {
	t.Helper()
	n, err := oracle.CountPoints(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Counted returns how many tweets a process has counted.
func Counted(ctx context.Context, p *testenv.Program) (int64, error) {
	metrics, err := p.Metrics(ctx)
	return int64(metrics.Sum("sentiment_window_tweets")), err
}

// AwaitCounted waits until a process has counted this many tweets.
func AwaitCounted(t testing.TB, p *testenv.Program, tweets int64) {
	t.Helper()
	testenv.Eventually(t, time.Minute, fmt.Sprintf("%d tweets are counted", tweets), func() error {
		if !p.Running() {
			t.Fatal("the ingest has ended")
		}
		n, err := Counted(t.Context(), p)
		if err == nil && n < tweets {
			err = errors.New(strconv.FormatInt(n, 10))
		}
		return err
	})
}
