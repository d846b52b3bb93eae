package produce_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/tests/testenv"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"
)

// through writes a batch with an output kafka_batches in a stream, and returns the log.
func through(t *testing.T, c *testenv.Cluster, topic, settings string, batch service.MessageBatch) *instream.Log {
	t.Helper()
	b := service.NewStreamBuilder()
	logged := &instream.Log{}
	b.SetLogger(slog.New(slog.NewTextHandler(logged, nil)))
	produce, err := b.AddBatchProducerFunc()
	if err == nil {
		err = b.AddOutputYAML(fmt.Sprintf("kafka_batches:\n  seed_brokers: [ %q ]\n  topic: %s\n  message: record\n%s", c.Brokers[0], topic, settings))
	}
	if err != nil {
		t.Fatal(err)
	}
	stop := instream.Run(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := produce(ctx, batch); err != nil {
		t.Fatalf("%v, log %s", err, logged)
	}
	stop()
	return logged
}

// If this fails, a codec or a level that can be set does not work, or is another one.
func TestOutputCompresses(t *testing.T) {
	c := testenv.Kafka(t)
	codecs := map[string]uint8{"none": 0, "gzip": 1, "snappy": 2, "lz4": 3, "zstd": 4}
	for _, setting := range []string{"none", "snappy", "gzip", "gzip 1", "gzip 9", "lz4", "lz4 1", "lz4 9", "lz4 17", "zstd", "zstd 1", "zstd 22"} {
		t.Run(setting, func(t *testing.T) {
			topic := c.Topic(t, 1)
			codec, level, _ := strings.Cut(setting, " ")
			settings := "  compression: " + codec
			if level != "" {
				settings += "\n  compression_level: " + level
			}
			var batch service.MessageBatch
			for i := range 5000 {
				batch = append(batch, service.NewMessage(fmt.Appendf(nil, "message %d, with words that are repeated, repeated", i)))
			}
			through(t, c, topic, settings, batch)
			got := c.Read(t, topic, len(batch))
			for i, r := range got {
				if want, _ := batch[i].AsBytes(); !bytes.Equal(r.Value, want) || r.Attrs.CompressionType() != codecs[codec] {
					t.Fatalf("record %d is %q, compressed with %d", i, r.Value, r.Attrs.CompressionType())
				}
			}
		})
	}
}

// If this fails, messages that Kafka refuses take others along, are lost, or cannot be told
// from their rejected messages; or a limit of the topic that does not fit is not said.
func TestOutputRejects(t *testing.T) {
	c := testenv.Kafka(t)
	now := time.Now()
	random := make([]byte, 4000) // no codec makes it smaller
	_, _ = rand.NewChaCha8([32]byte{}).Read(random)
	for _, test := range []struct {
		reason, settings string
		configs          map[string]string
		good, bad        func(m *service.Message)
		warns            bool
	}{
		{"MESSAGE_TOO_LARGE", "", map[string]string{"max.message.bytes": "2000"}, nil,
			func(m *service.Message) { m.SetBytes(append([]byte("bad"), random...)) }, true},
		{"INVALID_TIMESTAMP", "  timestamp_ms: ${! @time }\n", map[string]string{"message.timestamp.after.max.ms": "3600000"},
			func(m *service.Message) { m.MetaSetMut("time", now.UnixMilli()) },
			func(m *service.Message) { m.MetaSetMut("time", now.Add(24*time.Hour).UnixMilli()) }, false},
		{"INVALID_RECORD", "  key: ${! @key }\n", map[string]string{"cleanup.policy": "compact"},
			func(m *service.Message) { m.MetaSetMut("key", "k") },
			func(*service.Message) {}, false},
	} {
		t.Run(test.reason, func(t *testing.T) {
			topic := fmt.Sprintf("rejects-%d", time.Now().UnixNano())
			letters := topic + "-rejected"
			c.CreateTopic(t, topic, 1, test.configs)
			c.CreateTopic(t, letters, 1, nil)
			var batch service.MessageBatch
			bad := map[int]bool{0: true, 20: true, 21: true, 99: true}
			for i := range 100 {
				m := service.NewMessage(fmt.Appendf(nil, "good %d %s", i, strings.Repeat("x", 100)))
				if test.good != nil && !bad[i] {
					test.good(m)
				}
				if bad[i] {
					m.SetBytes([]byte("bad"))
					test.bad(m)
				}
				m.MetaSetMut("number", i)
				batch = append(batch, m)
			}
			logged := through(t, c, topic, test.settings+fmt.Sprintf(`  compression: zstd
  rejected:
    kafka_batches: { seed_brokers: [ %q ], topic: %s, message: record, metadata: { include_patterns: [ "^refused_", "^number$" ] } }`, c.Brokers[0], letters), batch)
			for _, r := range c.Read(t, topic, len(batch)-len(bad)) {
				if !strings.HasPrefix(string(r.Value), "good") {
					t.Errorf("stored: %.20q", r.Value)
				}
			}
			var numbers []string
			for _, r := range c.Read(t, letters, len(bad)) {
				headers := map[string]string{}
				for _, h := range r.Headers {
					headers[h.Key] = string(h.Value)
				}
				numbers = append(numbers, headers["number"])
				if headers["refused_reason"] != test.reason || headers["refused_topic"] != topic || headers["refused_partition"] != "0" || headers["refused_error"] == "" || !strings.HasPrefix(string(r.Value), "bad") {
					t.Errorf("rejected: %.20q, %q", r.Value, headers)
				}
			}
			if fmt.Sprint(numbers) != "[0 20 21 99]" {
				t.Errorf("rejected: %v", numbers)
			}
			if warned := strings.Contains(logged.String(), "max_batch_bytes is 1048576 bytes, and the topic "+topic+" accepts batches of 2000"); warned != test.warns {
				t.Errorf("the log is %s", logged)
			}
		})
	}
}
