// Package readback_test shows that other clients read what the output kafka_batches and
// tweet_generator write: Kafka's own tools, librdkafka and the stock input of Benthos.
package readback_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/kafkad"
	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/tweetgen"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) { os.Exit(testenv.Main(m)) }

// codecs in the order of the partitions that are written with them.
var codecs = []string{"none", "gzip", "snappy", "lz4", "zstd"}

// record is a record without what a reader cannot tell.
type record struct {
	partition  int32
	offset     int64
	millis     int64
	key, value []byte // nil is null
	headers    []header
}

type header struct{ name, value string }

func (r record) String() string {
	return fmt.Sprintf("%d/%d at %d: %t %.30q = %t %d bytes %.30q, headers %q", r.partition, r.offset, r.millis, r.key != nil, r.key, r.value != nil, len(r.value), r.value, r.headers)
}

func (r record) equals(o record) bool {
	same := func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }
	return r.partition == o.partition && r.offset == o.offset && r.millis == o.millis && same(r.key, o.key) && same(r.value, o.value) && slices.Equal(r.headers, o.headers)
}

// lab is a Kafka whose files can be read.
type lab struct {
	*testenv.Cluster
	data string
}

func start(t *testing.T) *lab {
	t.Helper()
	data := t.TempDir()
	kafka := testenv.OwnKafka(t, kafkad.Options{Properties: map[string]string{"log.dirs": data}})
	return &lab{&kafka.Cluster, data}
}

// run runs a stream of the input to its end, into one partition of a topic.
func (l *lab) run(t *testing.T, topic string, partition int, input, output string, messages service.MessageBatch) {
	t.Helper()
	b := service.NewStreamBuilder()
	if err := b.SetLoggerYAML(`level: "off"`); err != nil {
		t.Fatal(err)
	}
	if err := b.AddOutputYAML(fmt.Sprintf("kafka_batches:\n  seed_brokers: [ %q ]\n  topic: %s\n  partition: explicit\n  partition_number: %d\n  %s", l.Brokers[0], topic, partition, output)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if input != "" {
		if err := b.AddInputYAML(input); err != nil {
			t.Fatal(err)
		}
		s, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		return
	}
	produce, err := b.AddBatchProducerFunc()
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	if err := produce(ctx, messages); err != nil {
		t.Error(err)
	}
	if err := s.StopWithin(20 * time.Second); err != nil {
		t.Error(err)
	}
	<-ended
}

// franz reads a topic with franz-go, which the project itself reads with.
func (l *lab) franz(t *testing.T, topic string, count int) (records []record) {
	t.Helper()
	for _, r := range l.Read(t, topic, count) {
		one := record{r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, nil}
		for _, h := range r.Headers {
			one.headers = append(one.headers, header{h.Key, string(h.Value)})
		}
		if want := kgo.CompressionCodecType(r.Partition); kgo.CompressionCodecType(r.Attrs.CompressionType()) != want {
			t.Fatalf("record %d of partition %d is compressed with %d", r.Offset, r.Partition, r.Attrs.CompressionType())
		}
		records = append(records, one)
	}
	return sorted(records)
}

// sorted sorts records by their position, and headers, which come from metadata and have no
// order.
func sorted(records []record) []record {
	for _, r := range records {
		slices.SortFunc(r.headers, func(a, b header) int { return cmp.Compare(a.name, b.name) })
	}
	slices.SortFunc(records, func(a, b record) int {
		return cmp.Or(cmp.Compare(a.partition, b.partition), cmp.Compare(a.offset, b.offset))
	})
	return records
}

// everybody compares what every other reader reads with the records that are stored.
func (l *lab) everybody(t *testing.T, topic string, want []record) {
	for name, read := range map[string]func(*testing.T, string, int) []record{
		"kafka-dump-log --deep-iteration": l.dumpLog, "kafka-console-consumer": l.consoleConsumer,
		"librdkafka": l.librdkafka, "the input redpanda": l.stockInput,
	} {
		t.Run(name, func(t *testing.T) {
			got := sorted(read(t, topic, len(want)))
			if len(got) != len(want) {
				t.Errorf("%d records of %d", len(got), len(want))
			}
			wrong := 0
			for i := range min(len(got), len(want)) {
				w := want[i]
				if strings.HasPrefix(name, "kafka-dump-log") {
					w.headers = slices.Clone(w.headers)
					for j := range w.headers {
						w.headers[j].value = "" // which it does not print
					}
				}
				if !got[i].equals(w) {
					if wrong++; wrong < 4 {
						t.Errorf("%v\nis stored as\n%v", got[i], w)
					}
				}
			}
			if wrong > 3 {
				t.Errorf("and %d more", wrong-3)
			}
		})
	}
}
