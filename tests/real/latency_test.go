package real_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	maxLatency  = time.Second
	latencySpan = 2 * time.Second // in which the measured tweets are generated
)

// If this fails, a slow stream waits in some buffer, and a live dashboard shows old
// data.
func TestTweetIsInInfluxDBWithinASecond(t *testing.T) {
	testenv.EachInflux(t, testenv.InfluxV2, func(t *testing.T, version string) {
		s := stream.New(t, stream.Partitions)
		reader := s.Into(stream.IngestConfig, testenv.Influx(t, version), nil)
		reader.Start(t)
		generator := s.Generate(t, stream.Env{"RATE": "10", "BATCH_SIZE": "1"})
		testenv.Eventually(t, patience, "the first tweet is in InfluxDB", func() error {
			if stream.Points(t, reader.Bucket) == 0 {
				return errNotYet
			}
			return nil
		})
		// Another program on the machine may delay one tweet, but hardly in two rounds.
		var worst time.Duration
		for range 2 {
			from := time.Now()
			until := from.Add(latencySpan)
			seen := watch(t, reader.Bucket, until.Add(maxLatency))
			latencies := seen.latencies(records(t, s), from, until)
			if len(latencies) < 15 {
				t.Fatalf("%d tweets in %s at 10 a second", len(latencies), latencySpan)
			}
			worst = latencies[len(latencies)-1]
			t.Logf("%d tweets: median %s, longest %s until in InfluxDB", len(latencies), latencies[len(latencies)/2], worst)
			if worst <= maxLatency {
				break
			}
		}
		if worst > maxLatency {
			t.Errorf("a tweet took %s until it was in InfluxDB, longer than %s", worst, maxLatency)
		}
		if code := generator.Stop(t); code != 0 {
			t.Fatalf("the generator has ended with exit code %d", code)
		}
		reader.Drained(t, patience)
		reader.MustEqual(t, s.Read(t))
	})
}

// place is the position of a point: the first offset of its tweets, and what they have
// in common.
type place struct {
	partition int32
	second    int64
	sentiment string
	offset    int64
}

// arrivals are the times at which points were first seen in InfluxDB.
type arrivals struct {
	at  map[place]time.Time
	end time.Time // end of the observation
}

// watch queries InfluxDB for its points repeatedly.
func watch(t *testing.T, bucket *influxd.Database, until time.Time) arrivals {
	t.Helper()
	query := fmt.Sprintf(`from(bucket: %q) |> range(start: -1h, stop: 1h)
  |> filter(fn: (r) => r._measurement == "tweets" and r._field == "count") |> keep(columns: ["_time", "sentiment"])`, bucket.Bucket)
	seen := arrivals{at: map[place]time.Time{}}
	for seen.end.Before(until) {
		err := bucket.Each(t.Context(), query, func(row influxd.Row) error {
			// The stamp law, with max_partitions 64: the nanoseconds of the second are
			// 64 times the offset plus the partition.
			at := row.Time("_time")
			p := place{int32(at.Nanosecond() % 64), at.Unix(), row.String("sentiment"), int64(at.Nanosecond() / 64)}
			if _, known := seen.at[p]; !known {
				seen.at[p] = time.Now()
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		seen.end = time.Now()
		time.Sleep(10 * time.Millisecond) // leave InfluxDB time for other work
	}
	return seen
}

// latencies returns how long tweets took from their own timestamp until they were seen,
// in order. One that was not seen counts until the end.
func (a arrivals) latencies(records []*kgo.Record, from, until time.Time) []time.Duration {
	var took []time.Duration
	for _, r := range records {
		tweet, err := oracle.Avro(r.Value)
		made := time.UnixMilli(tweet.Millis)
		if err != nil || made.Before(from) || !made.Before(until) {
			continue
		}
		seen := a.end
		// Its point is that of the last batch that begins at or before it.
		p := place{r.Partition, made.Unix(), tweet.Sentiment, r.Offset}
		for ; p.offset >= 0; p.offset-- {
			if at, ok := a.at[p]; ok {
				seen = at
				break
			}
		}
		took = append(took, seen.Sub(made).Round(time.Millisecond))
	}
	slices.Sort(took)
	return took
}

// records returns all records in the topic.
func records(t *testing.T, s *stream.Stream) []*kgo.Record {
	t.Helper()
	n, err := s.Kafka.Records(t.Context(), s.Topic)
	if err != nil {
		t.Fatal(err)
	}
	client := s.Kafka.Client(t, kgo.ConsumeTopics(s.Topic))
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var records []*kgo.Record
	for int64(len(records)) < n {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}
