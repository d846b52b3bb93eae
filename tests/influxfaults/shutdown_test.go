package influxfaults_test

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hamba/avro/v2"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxfault"
	"github.com/brandpulse/brandpulse-connect/schemas"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	shutdownTimeout = 4 * time.Second
	// Benthos allows a second more before it ends forcibly.
	shutdownMargin = 2 * time.Second
	shutdownTweets = 20_000
)

// If this fails, an ingest that is stopped while InfluxDB is down is killed by its
// supervisor, sends tweets to the dead letters that InfluxDB would accept, or commits
// tweets that are not stored.
func TestStopWhileInfluxDBIsDownLosesNothing(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]struct {
		fault  influxfault.Kind
		leaves bool // nothing listens any more
	}{
		"hangs":   {fault: influxfault.Hang},
		"resets":  {fault: influxfault.ResetBefore},
		"is down": {fault: influxfault.ResetBefore, leaves: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testenv.EachInflux(t, testenv.InfluxV1, func(t *testing.T, version string) {
				db := testenv.Influx(t, version)
				// Some requests pass, so that there is something to commit.
				var left atomic.Bool
				isAway := func(r influxfault.Request) influxfault.Fault {
					if r.Number >= 5 {
						left.Store(true)
					}
					if !left.Load() {
						return influxfault.Fault{}
					}
					return influxfault.Fault{Kind: away.fault}
				}
				proxy, through := testenv.FaultyProxy(t, db, isAway)
				kafka := testenv.FakeKafka(t)
				topic, dead := kafka.Topic(t, 4), kafka.Topic(t, 1)
				records := tweets(t, topic, shutdownTweets)
				kafka.Produce(t, records...)
				ingest := testenv.Start(t, testenv.Command{Config: "config/ingest.yaml", Env: map[string]string{
					"KAFKA_BROKERS": strings.Join(kafka.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": "group",
					"INFLUXDB_URL": through.URL, "INFLUXDB_ORG": through.Org, "INFLUXDB_BUCKET": through.Bucket, "INFLUXDB_TOKEN": through.Token,
					"SHUTDOWN_TIMEOUT": shutdownTimeout.String(),
					// Batches of about 80 tweets, so that many follow one another.
					"MAX_YIELD_BATCH_BYTES": "2KB",
				}})
				testenv.Eventually(t, time.Minute, "requests find no InfluxDB", func() error {
					if n := proxy.Stats().Happened(away.fault); n < 2 {
						return fmt.Errorf("%d have", n)
					}
					return nil
				})
				if away.leaves {
					if err := proxy.Leave(); err != nil {
						t.Fatal(err)
					}
				}

				began := time.Now()
				code := ingest.Stop(t)
				took := time.Since(began)
				if took > shutdownTimeout+shutdownMargin {
					t.Errorf("stopping took %s, with a shutdown_timeout of %s", took, shutdownTimeout)
				}
				mustHaveNoDeadLetters(t, kafka, dead)
				acknowledged := committedCounts(t, kafka, "group", topic, records)
				stored, err := oracle.ReadInflux(t.Context(), db)
				if err != nil {
					t.Fatal(err)
				}
				t.Logf("stopped after %.1f s with exit code %d; InfluxDB holds %d of %d tweets, %d are committed",
					took.Seconds(), code, stored.Total(), len(records), acknowledged.Total())
				if err := oracle.NotAbove(acknowledged, stored); err != nil {
					t.Errorf("not all committed tweets are stored: %v", err)
				}
				if acknowledged.Total() == 0 || stored.Total() == int64(len(records)) {
					t.Error("InfluxDB went down too early or too late, so this proves nothing")
				}

				// InfluxDB is up again.
				proxy.SetFaults(nil)
				if away.leaves {
					if err := proxy.Return(); err != nil {
						t.Fatal(err)
					}
				}
				ingest.Restart(t)
				testenv.Eventually(t, time.Minute, "all is committed", func() error {
					lag, err := kafka.Lag(t.Context(), "group", topic)
					if err == nil && lag > 0 {
						err = fmt.Errorf("a lag of %d", lag)
					}
					return err
				})
				if code := ingest.Stop(t); code != 0 {
					t.Errorf("exit code %d", code)
				}
				mustHaveNoDeadLetters(t, kafka, dead)
				if stored, err = oracle.ReadInflux(t.Context(), db); err != nil {
					t.Fatal(err)
				}
				if err := oracle.Equal(stored, countsOf(t, records)); err != nil {
					t.Errorf("after the restart: %v", err)
				}
			})
		})
	}
}

// tweets returns records of tweets in Avro, encoded with a codec that is not the
// program's.
func tweets(t testing.TB, topic string, n int) (records []*kgo.Record) {
	t.Helper()
	schema := avro.MustParse(schemas.Tweet)
	for i := range n {
		value, err := avro.Marshal(schema, map[string]any{
			"id": fmt.Sprint(i), "text": "Hi", "brand": "SuperCoffee",
			"sentiment": []string{"positive", "negative", "neutral"}[i%3], "timestamp": int64(start/1_000_000 + i),
		})
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, &kgo.Record{Topic: topic, Key: fmt.Append(nil, i/10), Value: value})
	}
	return records
}

func countsOf(t testing.TB, records []*kgo.Record) oracle.Counts {
	t.Helper()
	counts := oracle.Counts{}
	for _, r := range records {
		tweet, err := oracle.Avro(r.Value)
		if err != nil {
			t.Fatal(err)
		}
		counts[oracle.Key{Second: tweet.Millis / 1000, Brand: tweet.Brand, Sentiment: tweet.Sentiment}]++
	}
	return counts
}

// committedCounts counts the tweets that a group would not read again.
func committedCounts(t testing.TB, kafka *testenv.Cluster, group, topic string, records []*kgo.Record) oracle.Counts {
	t.Helper()
	client := kafka.Client(t)
	defer client.Close()
	offsets, err := kadm.NewClient(client).FetchOffsetsForTopics(t.Context(), group, topic)
	if err == nil {
		err = offsets.Error()
	}
	if err != nil {
		t.Fatalf("reading the committed offsets: %v", err)
	}
	var before []*kgo.Record
	for _, r := range records {
		if at, ok := offsets.Lookup(topic, r.Partition); ok && r.Offset < at.At {
			before = append(before, r)
		}
	}
	return countsOf(t, before)
}

func mustHaveNoDeadLetters(t testing.TB, kafka *testenv.Cluster, topic string) {
	t.Helper()
	if dead, err := kafka.Records(t.Context(), topic); err != nil || dead != 0 {
		t.Errorf("%d dead letters, %v", dead, err)
	}
}
