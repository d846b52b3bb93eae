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
//   - those of the pipelines, such as REUSE_MEMORY and FETCH_MAX_BYTES.
package exactbench_test

import (
	"cmp"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/tests/rounds"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

const (
	benchTweets  = 5_000_000
	benchRounds  = 5
	benchTimeout = 5 * time.Minute

	// memoryPasses are how often one process reads all tweets, for its memory
	// and the pauses of the garbage collector: one pass has too few of these.
	memoryPasses = 10
)

// BenchmarkExact prints a table and the goals. One iteration is the filling of
// the topic, all rounds, and a long run of exact.yaml.
func BenchmarkExact(b *testing.B) {
	tweets, times := number(b, "BRANDPULSE_BENCH_TWEETS", benchTweets), number(b, "BRANDPULSE_BENCH_ROUNDS", benchRounds)
	compression := cmp.Or(os.Getenv("BRANDPULSE_BENCH_COMPRESSION"), "lz4")
	for range b.N {
		kafka := testenv.OwnKafka(b, kafkad.Options{})
		s := fill(b, &kafka.Cluster, tweets, compression)
		rows, loadBefore := map[string]*rounds.Row{}, load()
		read := func(reader string, passes int, core string) result {
			b.Helper()
			r := run(b, job{Reader: reader, Broker: s.Kafka.Brokers[0], Topic: s.Topic, Tweets: int64(tweets), Passes: passes, Core: core})
			if r.Rate == 0 {
				b.Fatalf("%s: %d tweets are too few to measure", reader, tweets)
			}
			return r
		}
		for _, name := range readers {
			rows[name] = &rounds.Row{Name: name}
		}
		for range times {
			for _, name := range readers {
				rows[name].Readings = append(rows[name].Readings, read(name, 1, "").reading())
			}
		}
		long := read(exactReader, memoryPasses, "")

		exact, loop, bare, stock := rows[exactReader], rows[loopReader], rows[bareReader], rows[stockReader]
		ofLoop, _ := exact.Against(*loop)
		timesBare, cpuOfBare := exact.Against(*bare)
		timesStock, cpuOfStock := exact.Against(*stock)
		b.ReportMetric(exact.Median().Rate, "tweets/s")
		b.ReportMetric(exact.Median().CPU, "cpu-s/Mtweets")
		b.ReportMetric(ofLoop, "of-loop")
		b.ReportMetric(timesBare, "times-bare")
		b.ReportMetric(timesStock, "times-stock")
		b.Logf("%d tweets, %s, %d partitions, %d cores with Kafka, medians of %d rounds, load average %s before and %s after:\n%s",
			tweets, compression, stream.Partitions, runtime.NumCPU(), times, loadBefore, load(), rounds.Table("tweets", *loop, *exact, *bare, *stock))
		b.Logf("%s: %.2f times the tweets/s of the %s, %.2f times its CPU; %.1f times the tweets/s of %s, %.3f times its CPU",
			exactReader, timesBare, bareReader, cpuOfBare, timesStock, stockReader, cpuOfStock)
		b.Logf("%s, %d tweets in one process: %s", exactReader, int64(tweets)*memoryPasses, long)
		if core := coreOfItsOwn(b, kafka); core != "" {
			apart := read(exactReader, memoryPasses, core)
			b.Logf("the same with one core, and Kafka on another: %.0f tweets/s, %s", apart.Rate, apart)
		}
	}
}

// fill writes the tweets with the shipped generator.
func fill(b *testing.B, kafka *testenv.Cluster, tweets int, compression string) *stream.Stream {
	b.Helper()
	s := stream.In(b, kafka, stream.Partitions)
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
		b.Fatalf("%s is %q, which is no number above 0", variable, text)
	}
	return n
}

// load is what the machine was busy with in the last 1, 5 and 15 minutes.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// coreOfItsOwn confines Kafka to one core and gives another one, for a reader that
// waits for none; empty where there is no other, or no taskset.
func coreOfItsOwn(b *testing.B, kafka *testenv.RealKafka) string {
	b.Helper()
	if runtime.NumCPU() < 2 {
		return ""
	}
	out, err := exec.CommandContext(b.Context(), "taskset", "--all-tasks", "--cpu-list", "--pid", "0", strconv.Itoa(kafka.PID())).CombinedOutput()
	if err != nil {
		b.Logf("Kafka keeps all cores: %v: %s", err, out)
		return ""
	}
	return "1"
}
