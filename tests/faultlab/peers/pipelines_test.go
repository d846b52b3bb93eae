package peers_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/faultlab"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// pipeline reads tweets from Kafka into InfluxDB.
type pipeline struct {
	name   string
	config string                    // one of ours, or a file in testdata
	peer   func(t testing.TB) string // returns the program; ours if nil
	// calm means that it is measured only without a fault, which is sufficient.
	calm bool
	// exact is whether we promise that it is exact.
	exact bool
}

var pipelines = []pipeline{
	{name: "Telegraf, defaults", peer: telegraf, config: "telegraf_defaults.conf", calm: true},
	{name: "Telegraf, counts of an aggregator", peer: telegraf, config: "telegraf_counts.conf"},
	{name: "Telegraf, tweets, time by id", peer: telegraf, config: "telegraf_ids.conf"},
	{name: "Connect, tweets, time by counter", peer: connect, config: "connect_counter.yaml"},
	{name: "Connect, tweets, time by offset", peer: connect, config: "connect_offsets.yaml"},
	{name: "`config/ingest.yaml`", config: stream.IngestConfig},
	{name: "`config/ingest_tweets.yaml`", config: stream.IngestTweetsConfig, exact: true},
	{name: "`config/exact.yaml`", config: stream.ExactConfig, exact: true},
}

// start starts a process of the pipeline. The reader knows its consumer group.
//
// The group waits for a silent member as long as in the rest of the laboratory, if that
// can be set: Telegraf uses the 10 s of its library.
func (p pipeline) start(t testing.TB, s *stream.Stream, bucket *influxd.Database) (*testenv.Program, *stream.Reader) {
	t.Helper()
	reader := s.Into(p.config, bucket, nil).QuickToNotice(faultlab.Session)
	if p.peer == nil {
		return reader.Start(t), reader
	}
	config, err := filepath.Abs(filepath.Join("testdata", p.config))
	if err != nil {
		t.Fatal(err)
	}
	command := testenv.Command{Path: p.peer(t), Env: map[string]string{
		"KAFKA_BROKERS":   s.Kafka.Brokers[0],
		"TOPIC":           s.Topic,
		"DEAD_TOPIC":      s.Dead,
		"CONSUMER_GROUP":  reader.Group,
		"INFLUXDB_URL":    bucket.URL,
		"INFLUXDB_TOKEN":  bucket.Token,
		"INFLUXDB_ORG":    bucket.Org,
		"INFLUXDB_BUCKET": bucket.Bucket,
	}}
	if filepath.Ext(config) == ".yaml" {
		command.Config, command.Args = config, reader.Args
	} else {
		command.Args = []string{"--config", config}
	}
	return testenv.Start(t, command), reader
}

var builtConnect string

// connect builds Connect with stock components only, once.
func connect(t testing.TB) string {
	t.Helper()
	if builtConnect != "" {
		return builtConnect
	}
	path := filepath.Join(scratch, "connect")
	if out, err := exec.Command("go", "build", "-o", path, "./connect").CombinedOutput(); err != nil {
		t.Fatalf("building Connect: %v\n%s", err, out)
	}
	builtConnect = path
	return path
}

// scratch is a folder for what is built.
var scratch string

func withScratch(run func() int) (code int) {
	dir, err := os.MkdirTemp("", "brandpulse-peers-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	scratch = dir
	return run()
}
