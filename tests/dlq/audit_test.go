package dlq_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/influxd"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// audited runs audit and returns its output.
func audited(t *testing.T, wantCode int, env map[string]string, args ...string) string {
	t.Helper()
	p := testenv.Start(t, testenv.Command{Args: append([]string{"audit", "--to-end"}, args...), Env: env})
	if code := p.Wait(t, 30*time.Second); code != wantCode {
		t.Errorf("audit %q: exit code %d, want %d:\n%s", args, code, wantCode, p.Log(t))
	}
	return p.Log(t)
}

// environment is that of exact.yaml with these topics, for tweets in JSON.
func environment(c *testenv.Cluster, bucket *influxd.Database, topic, dead string) map[string]string {
	return map[string]string{
		"KAFKA_BROKERS": strings.Join(c.Brokers, ","), "TOPIC": topic, "DEAD_TOPIC": dead, "CONSUMER_GROUP": topic, "ENCODING": "json",
		"INFLUXDB_URL": bucket.URL, "INFLUXDB_ORG": bucket.Org, "INFLUXDB_BUCKET": bucket.Bucket, "INFLUXDB_TOKEN": bucket.Token,
	}
}

// drain runs a pipeline until it has read its topic.
func drain(t *testing.T, c *testenv.Cluster, config string, env map[string]string) {
	t.Helper()
	p := testenv.Start(t, testenv.Command{Config: config, Env: env})
	testenv.Eventually(t, time.Minute, "the lag is 0", func() error {
		lag, err := c.Lag(t.Context(), env["CONSUMER_GROUP"], env["TOPIC"])
		if err == nil && lag > 0 {
			err = fmt.Errorf("the lag is %d", lag)
		}
		return err
	})
	if code := p.Stop(t); code != 0 {
		t.Fatalf("the pipeline has ended with exit code %d", code)
	}
}

// faultyExact returns the file of exact.yaml with a mapping before sentiment_window, which
// fails for some record batches.
func faultyExact(t *testing.T, mapping string) string {
	t.Helper()
	exact, err := os.ReadFile(filepath.Join(testenv.Root(t), "config", "exact.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	const processors = "  processors:\n    - sentiment_window:\n"
	if strings.Count(string(exact), processors) != 1 {
		t.Fatal("exact.yaml has changed")
	}
	file := filepath.Join(t.TempDir(), "faulty.yaml")
	text := strings.Replace(string(exact), processors, "  processors:\n    - mapping: '"+mapping+"'\n    - sentiment_window:\n", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// If this fails, tweets whose record batches were dead letters are lost or count twice
// once these are replayed, or audit does not know of it.
func TestAuditIsEqualOnceLettersAreSettled(t *testing.T) {
	t.Parallel()
	c := testenv.Kafka(t)
	topic, dead := c.Topic(t, 4), c.Topic(t, 1)
	bucket := testenv.Influx(t, testenv.InfluxV1)
	env := environment(c, bucket, topic, dead)
	writer := c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	const batches, size = 8, 50
	for batch := range batches {
		var records []*kgo.Record
		for i := range size {
			for p := range int32(4) {
				value := fmt.Sprintf(`{"id":"%d","text":"Hi","brand":"Brand %d","sentiment":"neutral","timestamp":%d}`, i, p, begin.UnixMilli()+int64(batch*1000+i))
				records = append(records, &kgo.Record{Topic: topic, Partition: p, Value: []byte(value)})
			}
		}
		if err := writer.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// A processor before sentiment_window fails for two partitions.
	faulty := faultyExact(t, `root = if @kafka_partition > 1 { throw("not yet") }`)
	drain(t, c, faulty, env)
	if l := list(t, c, "--dead-topic", dead); l.Letters < 2 || l.Groups[0].Reason != "failed_before" {
		t.Fatalf("letters are %+v", l)
	}
	if out := audited(t, 1, env); !strings.Contains(out, "800 tweets missing") {
		t.Errorf("before the replay audit says\n%s", out)
	}

	dlq(t, c, 0, "drop", "--dead-topic", dead, "--partition", "2", "--why", "a test", "--yes")
	replay := []string{"dlq", "replay", "--brokers", strings.Join(c.Brokers, ","), "--dead-topic", dead, "--partition", "3", "--yes"}
	for range 4 {
		p := testenv.Start(t, testenv.Command{Args: append(replay, "--rate", "4")})
		time.Sleep(time.Duration(500+rand.IntN(500)) * time.Millisecond)
		p.Kill(t)
	}
	dlq(t, c, 0, append([]string{"replay"}, replay[4:]...)...)
	drain(t, c, "config/exact.yaml", env)
	if out := audited(t, 0, env); !strings.Contains(out, "800 tweets in Kafka are in dead letters that were replayed or dropped") {
		t.Errorf("after the replay audit says\n%s", out)
	}
	audited(t, 0, env, "--quick")
	sums, err := bucket.SumBy(t.Context(), "tweets", "count", "brand")
	if want := (map[string]int64{"Brand 0": batches * size, "Brand 1": batches * size, "Brand 3": batches * size}); err != nil || !maps.Equal(sums, want) {
		t.Errorf("stored are %v, %v; want %v", sums, err, want)
	}
}
