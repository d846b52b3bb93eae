// Package components_test runs a self-describing workload through the stock components
// of Benthos: every record contains its position in the log, and every output keeps its
// messages, without a copy, until all of the log is committed. Components may
// acknowledge a message that another part still writes, keep it without a copy, or
// deliver it twice: in all cases its bytes must stay its own.
package components_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"

	_ "github.com/brandpulse/brandpulse-connect/plugins/kafkabatch"
	_ "github.com/brandpulse/brandpulse-connect/plugins/sentimentwindow"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

func TestMain(m *testing.M) {
	// The pipelines mostly wait for their back-offs.
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		panic(err)
	}
	os.Exit(testenv.Main(m))
}

const (
	partitions = 2
	batches    = 40 // of each partition
	each       = 5  // records
)

// value is a tweet as JSON that contains its position in the log: its second is the
// offset, and its text is long enough to overwrite reused memory. The names are in the
// order in which Benthos writes them.
func value(partition, offset int) []byte {
	place := fmt.Sprintf("%d/%d ", partition, offset)
	return fmt.Appendf(nil, `{"brand":"B%d","id":"%d/%d","sentiment":"positive","text":"%s","timestamp":%d}`,
		partition, partition, offset, bytes.Repeat([]byte(place), 300/len(place)), 1_700_000_000_000+1000*offset)
}

// fill writes the log, in batches with each of Kafka's codecs in turn.
func fill(t *testing.T, c *testenv.Cluster) (topic string) {
	t.Helper()
	topic = c.Topic(t, partitions)
	codecs := []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.NoCompression(), kgo.SnappyCompression(), kgo.GzipCompression()}
	var clients []*kgo.Client
	for _, codec := range codecs {
		clients = append(clients, c.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(codec)))
	}
	for i := range batches {
		var records []*kgo.Record
		for p := range partitions {
			for r := range each {
				records = append(records, &kgo.Record{Topic: topic, Partition: int32(p), Value: value(p, i*each+r)})
			}
		}
		if err := clients[i%len(clients)].ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return topic
}
