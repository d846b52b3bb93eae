package hostile_test

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"gopkg.in/yaml.v3"
	"pgregory.net/rapid"

	"github.com/brandpulse/brandpulse-connect/config"
	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/tests/testenv/instream"

	_ "github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
)

// letterProcessors returns the processors before the output for dead letters in a
// shipped pipeline.
func letterProcessors(t *testing.T, name string) string {
	t.Helper()
	text, err := config.Files.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var pipeline struct {
		Output struct {
			Switch struct {
				Cases []struct {
					Output struct{ Processors []map[string]any }
				}
			}
		}
	}
	if err := yaml.Unmarshal(text, &pipeline); err != nil {
		t.Fatal(err)
	}
	out, err := yaml.Marshal(pipeline.Output.Switch.Cases[0].Output.Processors[0])
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// If this fails, Kafka forever rejects the letter of a record that it has accepted, and
// its partition is stuck.
func TestAnyRecordOfAMiBMakesALetterBelowAMiB(t *testing.T) {
	const limit = 1 << 20
	for _, c := range []struct{ name, settings string }{
		{"ingest.yaml", "encoding: avro"},
		{"ingest_tweets.yaml", "encoding: json"},
		{"exact.yaml", "encoding: avro_single_object"},
		{"exact.yaml", "encoding: json"},
		{"exact.yaml", "encoding: json\n  mapping: 'root = throw(content().string())'"},
		{"exact.yaml", "encoding: json\n  mapping: 'root = content().string()'"},
	} {
		t.Run(c.name+" "+c.settings, func(t *testing.T) {
			letters := make(chan int, 1) // bytes
			builder := service.NewStreamBuilder()
			push, err := builder.AddProducerFunc()
			for _, err := range []error{
				err,
				builder.SetLoggerYAML("level: NONE"),
				builder.AddProcessorYAML("sentiment_window:\n  " + c.settings),
				builder.AddProcessorYAML(letterProcessors(t, c.name)),
				builder.AddConsumerFunc(func(_ context.Context, m *service.Message) error {
					size, err := letterSize(m)
					letters <- size
					return err
				}),
			} {
				if err != nil {
					t.Fatal(err)
				}
			}
			instream.Run(t, builder)
			rapid.Check(t, func(t *rapid.T) {
				m := service.NewMessage(drawRecord(t))
				m.MetaSetMut("kafka_topic", strings.Repeat("t", 249))
				m.MetaSetMut("kafka_partition", 1<<31-1)
				m.MetaSetMut("kafka_offset", 1<<62)
				for _, name := range []string{"dead_error", "dead_cut_from", "dead_" + strings.Repeat("x", 100_000)} {
					m.MetaSetMut(name, strings.Repeat("y", 100_000)) // headers of the record
				}
				if err := push(t.Context(), m); err != nil {
					t.Fatal(err)
				}
				if size := <-letters; size >= limit {
					t.Fatalf("a letter of %d bytes", size)
				}
			})
		})
	}
}

// letterSize returns the uncompressed size of the batch for a letter.
func letterSize(m *service.Message) (int, error) {
	content, err := m.AsBytes()
	if err != nil {
		return 0, err
	}
	record := recordbatch.Record{Timestamp: time.Now().UnixMilli(), Value: content}
	_ = m.MetaWalk(func(name, value string) error {
		if strings.HasPrefix(name, "dead_") {
			record.Headers = record.Headers.Append(name, []byte(value))
		}
		return nil
	})
	b, err := recordbatch.AppendBatch(nil, recordbatch.Header{}, record)
	return len(b), err
}

// drawRecord draws a record of up to a MiB that is not a tweet, and whose error may
// repeat it.
func drawRecord(t *rapid.T) []byte {
	size := rapid.SampledFrom([]int{0, 1, 2000, 600_000, 999_999, 1_000_001, 1<<20 - 200}).Draw(t, "size")
	fill := bytes.Repeat([]byte(rapid.SampledFrom([]string{"x", "ü", "\n", `\`, `"`, "\x00", "\xff", "{", "[", "9"}).Draw(t, "filled with")), size)
	parts := rapid.SampledFrom([][2]string{
		{"", ""},
		{`{"brand":"`, ``},
		{`{"brand":"b","sentiment":"`, `","timestamp":1}`},
		{`{"brand":"b","sentiment":"positive","timestamp":"`, `"}`},
		{`{"brand":"b","sentiment":"positive","timestamp":1.`, `}`},
		{`{"brand":"b","brand":"`, `"}`},
		{"\xc3\x01", ""},
	}).Draw(t, "around it")
	value := append([]byte(parts[0]), fill...)
	return append(value[:min(len(value), 1<<20-200-len(parts[1]))], parts[1]...)
}
