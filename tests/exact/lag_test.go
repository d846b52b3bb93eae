package exact_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// intoNothing is a pipeline into an InfluxDB that does not exist.
const intoNothing = `
metrics: { prometheus: {} }
input:
  kafka_batches:
    seed_brokers: [ %q ]
    topics: [ %s ]
    consumer_group: outage
    max_in_flight_bytes: 64KiB
    session_timeout: 2s # the group knows the killed process for so long
    heartbeat_interval: 500ms
pipeline: { processors: [ sentiment_window: { message: record_batch } ] }
output: { influxdb: { url: "http://127.0.0.1:9", bucket: outage } }
`

// If this fails, the metrics do not show the lag and its age in an outage of InfluxDB,
// for instance when the memory is full, after a restart, or with a record of the year
// 2100; and no alert fires.
func TestLagInAnOutage(t *testing.T) {
	c := testenv.Kafka(t)
	const topic = "lag-in-an-outage"
	// By default a broker rejects records that are more than an hour ahead.
	c.CreateTopic(t, topic, 1, map[string]string{"message.timestamp.after.max.ms": strconv.Itoa(math.MaxInt64)})
	hourAgo := time.Now().Add(-time.Hour)
	produce := func(batches int, at time.Time) {
		t.Helper()
		client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.NoCompression()))
		defer client.Close()
		for range batches {
			tw := tweet.Tweet{ID: []byte("1"), Text: []byte(strings.Repeat("x", 10_000)), Brand: []byte("Tea"), Millis: hourAgo.UnixMilli()}
			if err := client.ProduceSync(t.Context(), &kgo.Record{Value: tw.AppendAvro(nil), Timestamp: at}).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	produce(1, hourAgo)
	produce(1, time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	produce(38, hourAgo)
	file := filepath.Join(t.TempDir(), "outage.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, intoNothing, c.Brokers[0], topic), 0o600); err != nil {
		t.Fatal(err)
	}
	p := testenv.Start(t, testenv.Command{Config: file})
	lags := func(want float64) {
		t.Helper()
		testenv.Eventually(t, 20*time.Second, "the metrics say what waits", func() error {
			m, err := p.Metrics(t.Context())
			if err != nil {
				return err
			}
			lag, seconds := m.Sum("kafka_batches_lag"), m.Sum("kafka_batches_lag_seconds")
			if lag != want || seconds < 3600 || seconds > 3700 {
				return fmt.Errorf("lag %.0f and %.0f s, want %.0f and about 3600", lag, seconds, want)
			}
			return nil
		})
	}
	lags(40)
	produce(60, hourAgo)
	lags(100)
	p.Kill(t)
	p.Restart(t)
	lags(100)

	// Uncommitted records of a transaction cannot be read, and do not count as lag.
	client := c.Client(t, kgo.DefaultProduceTopic(topic), kgo.TransactionalID(topic))
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	if err := client.ProduceSync(t.Context(), &kgo.Record{Value: []byte("open")}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Second)
	lags(100)
	if err := client.EndTransaction(t.Context(), kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	lags(102) // the record, and the marker that commits it
}
