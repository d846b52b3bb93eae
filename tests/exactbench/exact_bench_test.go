// Package exactbench compares the ways to count tweets out of a real Kafka:
// exact.yaml, ingest.yaml, a consumer that only counts records, and a loop
// without Benthos that is as fast as we know how to be. It is `make bench-exact`.
//
// Each reading is a process of its own, so that memory and garbage are those of
// one reader. Environment variables:
//   - BRANDPULSE_BENCH_TWEETS: how many, 5,000,000;
//   - BRANDPULSE_BENCH_ROUNDS: how often each reads them, 5;
//   - BRANDPULSE_BENCH_COMPRESSION: what they are written with, lz4;
//   - BRANDPULSE_BENCH_PROFILES: a folder for a CPU profile of each reader;
//   - those of the pipelines, such as MAX_IN_FLIGHT_BYTES and FETCH_MAX_BYTES.
package exactbench_test

import (
	"cmp"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
)

const (
	benchTweets  = 5_000_000
	benchRounds  = 5
	benchTimeout = 5 * time.Minute

	// memoryPasses is how often one process reads all tweets, for its memory and the
	// pauses of the garbage collector: one pass has too few of these.
	memoryPasses = 10
)

// BenchmarkExact prints the goals and two tables: with all cores, and with one Go
// thread at a time (GOMAXPROCS=1). One iteration is the filling of the topic, all
// rounds, and two long runs of exact.yaml.
func BenchmarkExact(b *testing.B) {
	tweets, times := number(b, "BRANDPULSE_BENCH_TWEETS", benchTweets), number(b, "BRANDPULSE_BENCH_ROUNDS", benchRounds)
	compression := cmp.Or(os.Getenv("BRANDPULSE_BENCH_COMPRESSION"), "lz4")
	for range b.N {
		c := comparison{b, fill(b, tweets, compression), tweets}
		b.Logf("%d tweets, %s, %d partitions, %d cores with Kafka", tweets, compression, stream.Partitions, runtime.NumCPU())
		rows := c.compare(times, 0)
		exact, loop, bare, stock := rows[exactReader], rows[loopReader], rows[bareReader], rows[stockReader]
		ofLoop, _ := exact.Against(*loop)
		timesBare, _ := exact.Against(*bare)
		timesStock, _ := exact.Against(*stock)
		b.ReportMetric(exact.Median().Rate, "tweets/s")
		b.ReportMetric(exact.Median().CPU, "cpu-s/Mtweets")
		b.ReportMetric(ofLoop, "of-loop")
		b.ReportMetric(timesBare, "times-bare")
		b.ReportMetric(timesStock, "times-stock")
		c.compare(times, 1)
	}
}

// comparison has all readers of the tweets of a stream.
type comparison struct {
	*testing.B
	stream *stream.Stream
	tweets int
}

// compare runs each reader over all tweets this many times, with this many threads (0:
// one per core), and then more of exact.yaml. It logs the results.
func (c comparison) compare(times, threads int) map[string]*rounds.Row {
	c.Helper()
	rows, before := map[string]*rounds.Row{}, load()
	for _, name := range readers {
		rows[name] = &rounds.Row{Name: name}
	}
	for range times {
		for _, name := range readers {
			rows[name].Readings = append(rows[name].Readings, c.read(name, 1, threads).reading())
		}
	}
	long := c.read(exactReader, memoryPasses, threads)

	exact, loop, bare, stock := rows[exactReader], rows[loopReader], rows[bareReader], rows[stockReader]
	timesBare, cpuOfBare := exact.Against(*bare)
	timesStock, cpuOfStock := exact.Against(*stock)
	what := "all cores"
	if threads > 0 {
		what = fmt.Sprintf("GOMAXPROCS=%d", threads)
	}
	c.Logf("%s, medians of %d rounds, load average %s before and %s after:\n%s",
		what, times, before, load(), rounds.Table("tweets", *loop, *exact, *bare, *stock))
	c.Logf("%s, %s: %.2f times the tweets/s of the %s, %.2f times its CPU; %.1f times the tweets/s of %s, %.3f times its CPU",
		what, exactReader, timesBare, bareReader, cpuOfBare, timesStock, stockReader, cpuOfStock)
	c.Logf("%s, %s, %d tweets in one process: %.0f tweets/s in the last pass; %s", what, exactReader, int64(c.tweets)*memoryPasses, long.Rate, long)
	return rows
}

func (c comparison) read(reader string, passes, threads int) result {
	c.Helper()
	r := run(c, job{Reader: reader, Broker: c.stream.Kafka.Brokers[0], Topic: c.stream.Topic, Tweets: int64(c.tweets), Passes: passes, Threads: threads})
	if r.Rate == 0 {
		c.Fatalf("%s: %d tweets are too few to measure", reader, c.tweets)
	}
	return r
}

// fill writes the tweets with the shipped generator.
func fill(b *testing.B, tweets int, compression string) *stream.Stream {
	b.Helper()
	s := stream.New(b, stream.Partitions)
	generator := s.Generate(b, stream.Env{"RATE": "0", "COUNT": strconv.Itoa(tweets), "COMPRESSION": compression})
	stream.MustEndWell(b, generator, benchTimeout)
	if records, err := s.Kafka.Records(b.Context(), s.Topic); err != nil || records != int64(tweets) {
		b.Fatalf("Kafka holds %d tweets of the %d generated; %v", records, tweets, err)
	}
	return s
}

func number(b *testing.B, variable string, otherwise int) int {
	b.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		b.Fatalf("%s is %q, not a number above 0", variable, text)
	}
	return n
}

// load returns the load averages of the machine.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}
