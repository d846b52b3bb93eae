package produce

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/tests/stream"
)

// Options are the settings of Producers.
type Options struct {
	Partitions int32
	// Least is the least number of records to send before Finish returns.
	Least int64
	// Rate in records per second, until Finish is called.
	Rate float64
	// Seed determines the sizes and contents of the batches.
	Seed uint64
	// Header precedes each tweet.
	Header []byte
}

// Producers write to all partitions of a stream: one for each codec, and one with
// transactions, a third of which it aborts.
type Producers struct {
	*Batches
	t       testing.TB
	stream  *stream.Stream
	options Options

	sent    atomic.Int64 // records, without aborted ones
	due     atomic.Int64 // records that a producer has begun to send
	aborted atomic.Int64 // transactions
	ctx     context.Context
	enough  atomic.Bool
	wait    sync.WaitGroup
}

// Start starts the producers. They write until Finish is called and Least is reached.
func Start(t testing.TB, s *stream.Stream, o Options) *Producers {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	p := &Producers{Batches: NewBatches(o.Partitions), t: t, stream: s, options: o, ctx: ctx}
	p.Header = o.Header
	for i, codec := range []kgo.CompressionCodec{
		kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression(),
	} {
		client := s.Kafka.Client(t, ClientOptions(s.Topic, codec)...)
		p.wait.Go(func() { p.send(client, uint64(i), false) })
	}
	client := s.Kafka.Client(t, append(ClientOptions(s.Topic, kgo.Lz4Compression()), kgo.TransactionalID(s.Topic))...)
	p.wait.Go(func() { p.send(client, 100, true) })
	t.Cleanup(func() { // of a failed test, before its clients are closed
		stop()
		p.wait.Wait()
	})
	return p
}

// Sent returns how many records the brokers have acknowledged, without aborted ones.
func (p *Producers) Sent() int64 { return p.sent.Load() }

// Spread makes the producers write to this many partitions. Clients must know them:
// wait a few seconds after adding partitions.
func (p *Producers) Spread(partitions int32) { p.partitions.Store(partitions) }

// Finish waits until everything is sent, the rest of it as fast as possible.
func (p *Producers) Finish() {
	p.t.Helper()
	p.enough.Store(true)
	p.wait.Wait()
	if p.sent.Load() < p.options.Least || p.aborted.Load() == 0 {
		p.t.Fatalf("%d records sent, %d transactions aborted", p.sent.Load(), p.aborted.Load())
	}
	p.t.Logf("%d records sent in %.1f s, %d transactions aborted", p.sent.Load(), time.Since(p.start).Seconds(), p.aborted.Load())
}

// Seal ends each partition with a record, for a reader that does not commit the marker
// of a transaction.
func (p *Producers) Seal() {
	p.t.Helper()
	client := p.stream.Kafka.Client(p.t, ClientOptions(p.stream.Topic, kgo.NoCompression())...)
	random := rand.New(rand.NewPCG(5, p.options.Seed))
	for partition := range p.partitions.Load() {
		last := p.Records(random, 1)
		last[0].Partition = partition
		if err := Send(p.ctx, client, last, false, false); err != nil {
			p.t.Fatal(err)
		}
	}
}

// send sends batch after batch, each to one partition.
func (p *Producers) send(client *kgo.Client, number uint64, transactions bool) {
	random := rand.New(rand.NewPCG(number, p.options.Seed))
	for p.ctx.Err() == nil {
		size := sizeOf(random)
		due := p.due.Add(int64(size))
		switch {
		case !p.enough.Load():
			p.sleepUntil(p.start.Add(time.Duration(float64(due) / p.options.Rate * float64(time.Second))))
		case p.sent.Load() >= p.options.Least:
			return
		}
		// The first one always, since a short run must have one.
		abort := transactions && (random.IntN(3) == 0 || p.aborted.Load() == 0)
		if err := Send(p.ctx, client, p.Records(random, size), transactions, abort); err != nil {
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

func (p *Producers) sleepUntil(at time.Time) {
	select {
	case <-p.ctx.Done():
	case <-time.After(time.Until(at)):
	}
}
