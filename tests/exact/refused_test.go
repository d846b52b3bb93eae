package exact_test

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/oracle"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, a batch that an output rejects is lost, or only a part of it is
// redelivered and counted under the key of the whole.
func TestRejectedBatchesAreRedeliveredWhole(t *testing.T) {
	s := stream.New(t, stream.Partitions)
	batches := produce.NewBatches(stream.Partitions)
	client := s.Kafka.Client(t, produce.ClientOptions(s.Topic, kgo.ZstdCompression())...)
	random := rand.New(rand.NewPCG(11, 0))
	for range 60 {
		if err := produce.Send(t.Context(), client, batches.Records(random, 1+random.IntN(400)), false, false); err != nil {
			t.Fatal(err)
		}
	}
	bucket := testenv.Influx(t, testenv.InfluxV1)
	reader := s.Into(refusing(t), bucket, nil)
	ingest := reader.Start(t)
	stream.AwaitCounted(t, ingest, 1)
	reader.Drained(t, time.Minute)
	metrics, err := ingest.Metrics(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	nacks := metrics.Sum("kafka_batches_nacks")
	t.Logf("%.0f batches were rejected", nacks)
	if nacks < 10 {
		t.Error("too few batches were rejected to show anything")
	}
	topic, err := oracle.ReadTopic(t.Context(), s.Kafka.Brokers, s.Topic, oracle.Avro)
	if err != nil {
		t.Fatal(err)
	}
	reader.MustEqual(t, topic.Counts)
	coverage, err := oracle.ReadCoverage(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if err := coverage.Tiles(topic); err != nil {
		t.Error(err)
	}
}

// refusing returns exact.yaml with an output that rejects one message in four, tweets
// and dead letters alike.
func refusing(t *testing.T) string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join(testenv.Root(t), stream.ExactConfig))
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(shipped), "\n    cases:\n")
	if !ok {
		t.Fatal("exact.yaml has no cases")
	}
	path := filepath.Join(t.TempDir(), "refusing.yaml")
	text := before + `
    cases:
      - check: 'random_int(seed: timestamp_unix_nano(), min: 1, max: 4) == 1'
        output: { reject: refused }
` + after
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
