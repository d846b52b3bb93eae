// Package produce writes tweets as no generator would: batches of one record and of
// thousands, every codec, aborted transactions, unordered event times, and sometimes a
// record that is not a tweet.
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

// disorder is the range of the unordered event times of a partition.
const disorder = 5 * time.Minute

var brands = []string{"SuperCoffee", "Tea Time", "a=b, \"c\"", "Ünïcödé ☕"}

// Batches creates the records of record batches.
type Batches struct {
	// Header precedes each tweet, such as that of a schema registry.
	Header []byte

	start      time.Time
	partitions atomic.Int32
}

// NewBatches returns the Batches of a topic with this many partitions.
func NewBatches(partitions int32) *Batches {
	b := &Batches{start: time.Now()}
	b.partitions.Store(partitions)
	return b
}

// Records returns the records of one batch, for one partition. Their event times are
// within a few seconds somewhere within the disorder, and one record in 500 is not a
// tweet.
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

// spoiled turns a tweet into a record that is not one.
func spoiled(random *rand.Rand, value []byte) []byte {
	switch random.IntN(5) {
	case 0:
		return append(value, 0) // a tweet with a trailing byte
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

// sizeOf returns the number of records of a batch: from one to thousands.
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

// ClientOptions returns the options of a client that writes each batch of Records as
// one record batch.
func ClientOptions(topic string, codec kgo.CompressionCodec) []kgo.Opt {
	return []kgo.Opt{
		kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(5 * time.Millisecond), // so that records that are sent together are one batch
		// Partitions may be added.
		kgo.MetadataMinAge(time.Second),
		kgo.MetadataMaxAge(2 * time.Second),
	}
}

// Send writes records, in a transaction that is committed or aborted if the client has
// one.
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
