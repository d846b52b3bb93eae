package exactbench_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// If this fails, the readers that are compared count different tweets, or one of them
// none since a pipeline or a library has changed, which would otherwise be noticed only
// at the next benchmark.
func TestEachReaderCountsAllTweets(t *testing.T) {
	const batches, each, partitions = 40, 50, 8
	kafka := testenv.FakeKafka(t)
	topic := kafka.Topic(t, partitions)
	client := kafka.Client(t, kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	for batch := range batches {
		var records []*kgo.Record
		for i := range each {
			tw := tweet.Tweet{
				ID: fmt.Appendf(nil, "%d-%d", batch, i), Text: []byte("good"), Brand: []byte("SuperCoffee"),
				Sentiment: tweet.Positive, Millis: time.Now().UnixMilli(),
			}
			records = append(records, &kgo.Record{Topic: topic, Partition: int32(batch % partitions), Value: tw.AppendAvro(nil)})
		}
		if err := client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for _, reader := range readers {
		t.Run(reader, func(t *testing.T) {
			r := run(t, job{Reader: reader, Broker: kafka.Brokers[0], Topic: topic, Tweets: batches * each, Passes: 2})
			if r.Passes != 2 || r.Memory[1] < 1<<20 {
				t.Errorf("%+v", r)
			}
		})
	}
}
