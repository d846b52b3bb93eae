package exact_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/stream"
)

// disorder is how far the event times of a partition lie apart, in any order.
const disorder = 5 * time.Minute

var brands = []string{"SuperCoffee", "Tea Time", "a=b, \"c\"", "Ünïcödé ☕"}

// producers write tweets of several brands into all partitions of a stream: one
// for each codec, and one with transactions, a third of which it rolls back.
type producers struct {
	t          testing.TB
	topic      string
	partitions int32
	rate       float64 // records a second
	start      time.Time

	sent    atomic.Int64 // records, those rolled back left out
	due     atomic.Int64 // records that a producer has set out to send
	aborted atomic.Int64 // transactions
	least   int64        // records to send at the least
	ctx     context.Context
	enough  atomic.Bool
	wait    sync.WaitGroup
}

// produce begins to write, until finish is called and at least so many records
// are sent.
func produce(t testing.TB, s *stream.Stream, partitions int32, least int64, rate float64) *producers {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &producers{t: t, topic: s.Topic, partitions: partitions, rate: rate, least: least, start: time.Now(), ctx: ctx}
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		client := s.Kafka.Client(t, p.options(codec)...)
		p.wait.Go(func() { p.send(client, uint64(i), false) })
	}
	client := s.Kafka.Client(t, append(p.options(kgo.Lz4Compression()), kgo.TransactionalID(s.Topic))...)
	p.wait.Go(func() { p.send(client, 100, true) })
	t.Cleanup(func() { // of a test that has failed, before its clients are closed
		stop()
		p.wait.Wait()
	})
	return p
}

func (p *producers) options(codec kgo.CompressionCodec) []kgo.Opt {
	return []kgo.Opt{
		kgo.DefaultProduceTopic(p.topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.ProducerBatchCompression(codec),
		kgo.ProducerLinger(5 * time.Millisecond), // so that what is sent at once is one batch
	}
}

// finish waits until all is sent, the rest of it as fast as it goes.
func (p *producers) finish() {
	p.t.Helper()
	p.enough.Store(true)
	p.wait.Wait()
	if p.sent.Load() < p.least || p.aborted.Load() == 0 {
		p.t.Fatalf("%d records sent, %d transactions rolled back", p.sent.Load(), p.aborted.Load())
	}
	p.t.Logf("%d records sent in %.1f s, %d transactions rolled back", p.sent.Load(), time.Since(p.start).Seconds(), p.aborted.Load())
}

// send sends batch after batch. Each lies in one partition.
func (p *producers) send(client *kgo.Client, seed uint64, transactions bool) {
	random := rand.New(rand.NewPCG(seed, 7))
	for p.ctx.Err() == nil {
		size := sizeOf(random)
		due := p.due.Add(int64(size))
		switch {
		case !p.enough.Load():
			p.sleepUntil(p.start.Add(time.Duration(float64(due) / p.rate * float64(time.Second))))
		case p.sent.Load() >= p.least:
			return
		}
		abort := transactions && random.IntN(3) == 0
		if err := p.sendBatch(client, p.records(random, size), transactions, abort); err != nil {
			if p.ctx.Err() == nil {
				p.t.Errorf("producing: %v", err)
			}
			return
		}
		if abort {
			p.aborted.Add(1)
			continue
		}
		p.sent.Add(int64(size))
	}
}

// seal ends each partition with a record, for a reader that does not commit the
// marker of a transaction.
func (p *producers) seal(s *stream.Stream) {
	p.t.Helper()
	client := s.Kafka.Client(p.t, p.options(kgo.NoCompression())...)
	random := rand.New(rand.NewPCG(5, 0))
	for partition := range p.partitions {
		last := p.records(random, 1)
		last[0].Partition = partition
		if err := p.sendBatch(client, last, false, false); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *producers) sendBatch(client *kgo.Client, records []*kgo.Record, transaction, abort bool) error {
	if transaction {
		if err := client.BeginTransaction(); err != nil {
			return err
		}
	}
	if err := client.ProduceSync(p.ctx, records...).FirstErr(); err != nil || !transaction {
		return err
	}
	return client.EndTransaction(p.ctx, kgo.TransactionEndTry(!abort))
}

func (p *producers) sleepUntil(at time.Time) {
	select {
	case <-p.ctx.Done():
	case <-time.After(time.Until(at)):
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

// records makes those of one batch. Their event times lie in a few seconds
// anywhere within the disorder.
func (p *producers) records(random *rand.Rand, size int) []*kgo.Record {
	partition := random.Int32N(p.partitions)
	seconds := make([]int64, 1+random.IntN(3))
	for i := range seconds {
		seconds[i] = p.start.Unix() - random.Int64N(int64(disorder.Seconds()))
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
		value := one.AppendAvro(nil)
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
