package real_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	benchTweets  = 5_000_000
	benchRounds  = 3
	benchTimeout = 5 * time.Minute
)

// BenchmarkIngest reads a topic of 5,000,000 tweets with the shipped ingest.yaml,
// and beside it with a client of the same library that only counts records, which
// is as fast as any reader of single records can be. It prints a table; one
// iteration is three rounds and the filling of the topic.
func BenchmarkIngest(b *testing.B) {
	for range b.N {
		s := newStream(b)
		s.fill(b, benchTweets, benchTimeout)
		var ingest, bare []reading
		for range benchRounds {
			ingest = append(ingest, s.timeIngest(b, testenv.InfluxV1, nil))
			bare = append(bare, s.timeBareConsumer(b))
		}
		shipped, limit := median(ingest), median(bare)
		b.ReportMetric(shipped.rate, "tweets/s")
		b.ReportMetric(shipped.cpu, "cpu-s/Mtweets")
		b.ReportMetric(float64(shipped.peak>>20), "peak-MB")
		b.ReportMetric(shipped.rate/limit.rate, "of-bare-consumer")
		b.Logf("%d tweets, 8 partitions, %d cores with Kafka and InfluxDB, median of %d rounds:\n%s",
			benchTweets, runtime.NumCPU(), benchRounds, table(ingest, bare))
	}
}

// reading is what one round of a reader gave.
type reading struct {
	rate float64 // tweets a second, from the first that it has counted to the last
	cpu  float64 // seconds a million tweets
	peak int64   // bytes of memory
}

// median is that by rate.
func median(rounds []reading) reading {
	sorted := slices.SortedFunc(slices.Values(rounds), func(a, b reading) int { return int(a.rate - b.rate) })
	return sorted[len(sorted)/2]
}

func table(ingest, bare []reading) string {
	var text strings.Builder
	w := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "reader\ttweets/s\tof the bare consumer\tCPU s per million\tpeak memory\trounds\t")
	for _, row := range []struct {
		name   string
		rounds []reading
	}{{"ingest.yaml", ingest}, {"bare consumer", bare}} {
		m, peak, rates := median(row.rounds), "", []string{}
		if m.peak > 0 {
			peak = fmt.Sprintf("%d MB", m.peak>>20)
		}
		for _, r := range row.rounds {
			rates = append(rates, fmt.Sprintf("%.0f", r.rate))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f %%\t%.2f\t%s\t%s\t\n", row.name, m.rate, 100*m.rate/median(bare).rate, m.cpu, peak, strings.Join(rates, " "))
	}
	w.Flush()
	return text.String()
}

// timeIngest lets the shipped pipeline read the whole stream into an empty
// bucket.
func (s *stream) timeIngest(b *testing.B, influx string, settings env) reading {
	b.Helper()
	reader := s.into(ingestConfig, testenv.Influx(b, influx), settings)
	reader.args = append(reader.args, "--set", "metrics.prometheus.add_process_metrics=true")
	total, err := s.kafka.Records(b.Context(), s.topic)
	if err != nil {
		b.Fatal(err)
	}
	ingest := reader.start(b)
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
	reader.drained(b, time.Minute)
	counts, err := oracle.ReadInflux(b.Context(), reader.bucket)
	if err != nil || counts.Total() != total {
		b.Fatalf("InfluxDB holds %d of %d tweets, %v", counts.Total(), total, err)
	}
	return reading{clock.rate(), cpu / float64(total) * 1e6, ingest.PeakRSS(b)}
}

// timeBareConsumer counts the records of the stream and does nothing else.
func (s *stream) timeBareConsumer(b *testing.B) reading {
	b.Helper()
	total, err := s.kafka.Records(b.Context(), s.topic)
	if err != nil {
		b.Fatal(err)
	}
	client := s.kafka.Client(b, kgo.ConsumeTopics(s.topic), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	defer client.Close()
	ctx, cancel := context.WithTimeout(b.Context(), benchTimeout)
	defer cancel()
	var clock stopwatch
	began := cpuSeconds(b)
	for records := int64(0); records < total; {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		records += int64(fetches.NumRecords())
		clock.at(records)
	}
	return reading{rate: clock.rate(), cpu: (cpuSeconds(b) - began) / float64(total) * 1e6}
}

// stopwatch measures from the first tweets to the last, without the start of the
// reader.
type stopwatch struct {
	first  time.Time
	before int64 // tweets at that time
	last   time.Time
	tweets int64
}

// at notes how many tweets are counted now.
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

// cpuSeconds is what this process has used.
func cpuSeconds(b *testing.B) float64 {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}
