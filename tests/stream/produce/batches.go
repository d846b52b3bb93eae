// Package produce writes tweets as no generator would: batches of one record and
// of thousands, every codec, transactions that are rolled back, event times in
// disorder, and now and then a record that is no tweet.
package produce

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// disorder is how far the event times of a partition lie apart, in any order.
const disorder = 5 * time.Minute

var brands = []string{"SuperCoffee", "Tea Time", "a=b, \"c\"", "Ünïcödé ☕"}

// Batches makes the records of RecordBatches.
type Batches struct {
	// Header comes before each tweet, as that of a schema registry does.
	Header []byte

	start      time.Time
	partitions atomic.Int32
}

// NewBatches gives those of a topic with so many partitions.
func NewBatches(partitions int32) *Batches {
	b := &Batches{start: time.Now()}
	b.partitions.Store(partitions)
	return b
}

// Records makes those of one batch, for one partition. Their event times lie in
// a few seconds anywhere within the disorder, and one record in 500 is no tweet.
func (b *Batches) Records(random *rand.Rand, size int) []*kgo.Record {
	partition := random.Int32N(b.partitions.Load())
	seconds := make([]int64, 1+random.IntN(3))
	for i := range seconds {
		seconds[i] = b.start.Unix() - random.Int64N(int64(disorder.Seconds()))
	}
	records := make([]*kgo.Record, size)
	for i := range records {
		one := tweet.Tweet{
			ID:        fmt.Appendf(nil, "%016x", random.Uint64()),
			Text:      []byte("It is what it is."),
			Brand:     []byte(brands[random.IntN(len(brands))]),
			Sentiment: tweet.Sentiment(random.IntN(tweet.NumSentiments)),
			Millis:    seconds[random.IntN(len(seconds))]*1000 + random.Int64N(1000),
		}
		value := one.AppendAvro(slices.Clone(b.Header))
		if random.IntN(500) == 0 {
			value = spoiled(random, value)
		}
		records[i] = &kgo.Record{Partition: partition, Value: value}
	}
	return records
}

// spoiled makes a record that is no tweet out of one that is.
func spoiled(random *rand.Rand, value []byte) []byte {
	switch random.IntN(5) {
	case 0:
		return append(value, 0) // a tweet, and a byte that does not belong to it
	case 1:
		return value[:len(value)-1]
	case 2:
		return []byte("no tweet")
	case 3:
		return []byte{}
	default:
		return nil
	}
}

// sizeOf gives the number of records of a batch: from one to thousands.
func sizeOf(random *rand.Rand) int {
	switch random.IntN(4) {
	case 0:
		return 1 + random.IntN(10)
	case 1, 2:
		return 50 + random.IntN(300)
	default:
		return 500 + random.IntN(2500)
	}
}

// ClientOptions are those of a client that writes each batch of Records as one
// RecordBatch.
func ClientOptions(topic string, codec kgo.CompressionCodec) []kgo.Opt {
	return []kgo.Opt{
		kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(5 * time.Millisecond), // so that what is sent at once is one batch
		// Partitions may be added.
		kgo.MetadataMinAge(time.Second),
		kgo.MetadataMaxAge(2 * time.Second),
	}
}

// Send writes records, in a transaction that is committed or rolled back if the
// client has one.
func Send(ctx context.Context, client *kgo.Client, records []*kgo.Record, transaction, abort bool) error {
	if transaction {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil || !transaction {
		return err
	}
	return client.EndTransaction(ctx, kgo.TransactionEndTry(!abort))
}
