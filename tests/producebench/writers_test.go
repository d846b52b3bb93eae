package producebench_test

import (
	"context"
	"embed"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/buildcache"
	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	"github.com/brandpulse/brandpulse-connect/internal/process"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/rustprogram"
)

// run is one run of a writer.
type run struct {
	broker     string
	topic      string
	partitions int32
	codec      string
	tweets     int64
	corpus     string // empty: the built-in texts
	batch      int    // tweets of a batch of the generator; 0: the default
	dir        string // for its files
	address    string // of its HTTP server
}

// writer is one of the ways to write tweets.
type writer struct {
	name string
	// percent of the tweets of a run that it writes: fewer for those that would need
	// minutes.
	percent int64
	command func(testing.TB, run) process.Command
	// written returns how many tweets there are; nil: as many as Kafka has.
	written func(run) func(context.Context) (int64, error)
}

// program runs brandpulse-connect with a pipeline.
func program(tb testing.TB, r run, config string, args ...string) process.Command {
	tb.Helper()
	return process.Command{
		Path: testenv.Binary(tb),
		Args: slices.Concat([]string{"run", "--set", "http.address=" + r.address}, args, []string{config}),
		Dir:  testenv.Root(tb),
		Env: process.Environment(r.dir, "KAFKA_BROKERS="+r.broker, "TOPIC="+r.topic, "COMPRESSION="+r.codec, "ACKS=leader",
			"COUNT="+strconv.FormatInt(r.tweets, 10), "PROGRESS=never", "LOG_LEVEL=WARN", "INFLUXDB_URL=http://127.0.0.1:9"),
		Log: filepath.Join(r.dir, "log"),
	}
}

const (
	fastConfig = "config/generate_fast.yaml"
	fastWriter = "generate_fast.yaml"
	perfWriter = "Kafka's perf tool"
	rustWriter = "librdkafka"
)

// generateFast is the shipped pipeline.
var generateFast = writer{name: fastWriter, percent: 100, command: func(tb testing.TB, r run) process.Command {
	tb.Helper()
	return fastProgram(tb, r, fastConfig)
}}

// fastProgram runs the shipped pipeline, or a change of it, with the acks of the others.
func fastProgram(tb testing.TB, r run, config string) process.Command {
	tb.Helper()
	var args []string
	if r.corpus != "" {
		args = append(args, "--set", "input.tweet_generator.corpus="+r.corpus)
	}
	command := program(tb, r, config, args...)
	if r.batch > 0 {
		command.Env = append(command.Env, "BATCH_SIZE="+strconv.Itoa(r.batch))
	}
	return command
}

// inProcess runs this program again, as a writer.
func inProcess(name, kind string, percent int64) writer {
	return writer{name: name, percent: percent, command: func(tb testing.TB, r run) process.Command {
		tb.Helper()
		self, err := os.Executable()
		if err != nil {
			tb.Fatal(err)
		}
		text, err := json.Marshal(writing{kind, r.broker, r.topic, r.partitions, r.codec, r.tweets, r.corpus, builtinBrands})
		if err != nil {
			tb.Fatal(err)
		}
		return process.Command{
			Path: self,
			Dir:  r.dir,
			Env:  process.Environment(r.dir, workVariable+"="+string(text)),
			Log:  filepath.Join(r.dir, "log"),
		}
	}}
}

var (
	loopOnly  = inProcess("loop", loopWriter, 100)
	franzOnly = inProcess("franz-go", franzWriter, 100)
)

// perfTool is kafka-producer-perf-test, with the heap and collector of its script, and
// with large batches. It draws from a file of tweets.
func perfTool(ctx context.Context, payload string) (writer, error) {
	java, err := process.Look("java", "Kafka's perf tool", "Java 17 or newer, e.g. default-jre-headless")
	if err != nil {
		return writer{}, err
	}
	libraries, err := kafkad.Get(ctx, nil)
	if err != nil {
		return writer{}, err
	}
	return writer{name: perfWriter, percent: 50, command: func(_ testing.TB, r run) process.Command {
		return process.Command{
			Path: java,
			Args: []string{
				"-server", "-Xmx1g", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
				"-cp", filepath.Join(libraries, "*"), "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
				"org.apache.kafka.tools.ProducerPerformance",
				"--topic", r.topic, "--num-records", strconv.FormatInt(r.tweets, 10), "--throughput", "-1", "--payload-file", payload,
				"--producer-props", "bootstrap.servers=" + r.broker, "acks=1", "enable.idempotence=false", "compression.type=" + r.codec,
				"batch.size=1000000", "linger.ms=10", "buffer.memory=268435456", "max.request.size=8388608",
			},
			Dir: r.dir,
			Env: process.Environment(r.dir),
			Log: filepath.Join(r.dir, "log"),
		}
	}}, nil
}

// librdkafka is a program in Rust that sends a file of tweets.
func librdkafka(binary, payload string) writer {
	return writer{name: rustWriter, percent: 100, command: func(_ testing.TB, r run) process.Command {
		return process.Command{
			Path: binary,
			Args: []string{r.broker, r.topic, r.codec, strconv.FormatInt(r.tweets, 10), payload},
			Dir:  r.dir,
			Env:  process.Environment(r.dir),
			Log:  filepath.Join(r.dir, "log"),
		}
	}}
}

//go:embed librdkafka/Cargo.toml librdkafka/Cargo.lock librdkafka/src
var rustSource embed.FS

// buildLibrdkafka builds the program, once.
func buildLibrdkafka(ctx context.Context, progress buildcache.Progress) (binary string, err error) {
	source, err := fs.Sub(rustSource, "librdkafka")
	if err != nil {
		return "", err
	}
	const program = "librdkafka-producer"
	return rustprogram.Get(ctx, source, program, program, progress)
}
