package producebench_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// writeFranz generates tweets and writes them with franz-go's own producer.
func writeFranz(ctx context.Context, w writing, t *tweets) error {
	codec, ok := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "lz4": kgo.Lz4Compression(), "snappy": kgo.SnappyCompression(), "zstd": kgo.ZstdCompression(),
	}[w.Codec]
	if !ok {
		return fmt.Errorf("unknown codec %q", w.Codec)
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(w.Broker), kgo.DefaultProduceTopic(w.Topic), kgo.DisableClientMetrics(),
		kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(5),
		kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(loopBatchBytes), kgo.ProducerLinger(0),
		kgo.MaxBufferedRecords(1_000_000), kgo.MaxBufferedBytes(512<<20),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	var failed atomic.Pointer[error]
	done := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.Store(&err)
		}
	}
	var random rand.PCG
	random.Seed(1, 4)
	const slab = 8000 // records that are allocated together
	for left := w.Tweets; left > 0; left -= slab {
		records := make([]kgo.Record, min(left, slab))
		values := make([]byte, 0, len(records)*128)
		tail := tweet.AppendLong(nil, time.Now().UnixMilli())
		for i := range records {
			start := len(values)
			values = t.append(values, &random, tail)
			records[i].Value = values[start:len(values):len(values)]
			client.Produce(ctx, &records[i], done)
		}
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	return nil
}
