package real_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	benchTweets  = 5_000_000
	benchRounds  = 3
	benchTimeout = 5 * time.Minute
)

// BenchmarkIngest reads a topic of 5,000,000 tweets with the shipped ingest.yaml and
// exact.yaml, and with a client of the same library that only counts records, which is
// as fast as any reader of single records can be. It prints a table; one iteration is
// three rounds and the filling of the topic.
func BenchmarkIngest(b *testing.B) {
	for range b.N {
		s := stream.New(b, stream.Partitions)
		s.Fill(b, benchTweets, benchTimeout)
		ingest, exact, bare := rounds.Row{Name: "ingest.yaml"}, rounds.Row{Name: "exact.yaml"}, rounds.Row{Name: "bare consumer"}
		for range benchRounds {
			ingest.Readings = append(ingest.Readings, timeIngest(b, s, stream.IngestConfig))
			exact.Readings = append(exact.Readings, timeIngest(b, s, stream.ExactConfig))
			bare.Readings = append(bare.Readings, timeBareConsumer(b, s))
		}
		shipped := ingest.Median()
		ofBare, _ := ingest.Against(bare)
		b.ReportMetric(shipped.Rate, "tweets/s")
		b.ReportMetric(shipped.CPU, "cpu-s/Mtweets")
		b.ReportMetric(float64(shipped.Peak>>20), "peak-MB")
		b.ReportMetric(ofBare, "of-bare-consumer")
		b.Logf("%d tweets, 8 partitions, %d cores with Kafka and InfluxDB, medians of %d rounds:\n%s",
			benchTweets, runtime.NumCPU(), benchRounds, rounds.Table("tweets", bare, exact, ingest))
	}
}

// timeIngest runs a shipped pipeline over the whole stream into an empty bucket.
func timeIngest(b *testing.B, s *stream.Stream, config string) rounds.Reading {
	b.Helper()
	reader := s.Into(config, testenv.Influx(b, testenv.InfluxV1), nil)
	reader.Args = append(reader.Args, "--set", "metrics.prometheus.add_process_metrics=true")
	total, err := s.Kafka.Records(b.Context(), s.Topic)
	if err != nil {
		b.Fatal(err)
	}
	ingest := reader.Start(b)
	defer ingest.Kill(b)
	var (
		clock stopwatch
		cpu   float64
	)
	for deadline := time.Now().Add(benchTimeout); clock.tweets < total; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) || !ingest.Running() {
			b.Fatalf("%d of %d tweets are counted", clock.tweets, total)
		}
		metrics, err := ingest.Metrics(b.Context())
		if err != nil {
			continue // it is not listening yet
		}
		clock.at(int64(metrics.Sum("sentiment_window_tweets")))
		cpu = metrics.Sum("process_cpu_seconds_total")
	}
	reader.Drained(b, time.Minute)
	counts, err := oracle.ReadInflux(b.Context(), reader.Bucket)
	if err != nil || counts.Total() != total {
		b.Fatalf("InfluxDB holds %d of %d tweets, %v", counts.Total(), total, err)
	}
	return rounds.Reading{Rate: clock.rate(), CPU: cpu / float64(total) * 1e6, Peak: ingest.PeakRSS(b)}
}

// timeBareConsumer only counts the records of the stream.
func timeBareConsumer(b *testing.B, s *stream.Stream) rounds.Reading {
	b.Helper()
	total, err := s.Kafka.Records(b.Context(), s.Topic)
	if err != nil {
		b.Fatal(err)
	}
	client := s.Kafka.Client(b, kgo.ConsumeTopics(s.Topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(b.Context(), benchTimeout)
	defer cancel()
	var clock stopwatch
	began := rounds.CPU(b)
	for records := int64(0); records < total; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		records += int64(fetches.NumRecords())
		clock.at(records)
	}
	return rounds.Reading{Rate: clock.rate(), CPU: (rounds.CPU(b) - began).Seconds() / float64(total) * 1e6}
}

// stopwatch measures from the first tweets to the last, without the start of the
// reader.
type stopwatch struct {
	first  time.Time
	before int64 // tweets at that time
	last   time.Time
	tweets int64
}

// at records the number of tweets counted now.
func (s *stopwatch) at(tweets int64) {
	if tweets == s.tweets {
		return
	}
	s.last, s.tweets = time.Now(), tweets
	if s.first.IsZero() {
		s.first, s.before = s.last, tweets
	}
}

func (s *stopwatch) rate() float64 {
	return float64(s.tweets-s.before) / s.last.Sub(s.first).Seconds()
}
