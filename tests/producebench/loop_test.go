package producebench_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/bits"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

const (
	// loopBatchBytes is close to what a topic takes by default, 1,048,588 bytes.
	loopBatchBytes = 1_000_000
	loopRequests   = 4 // in flight
)

// writeLoop is the limit: it writes each tweet straight into the record of a batch,
// compresses the batch and sends it, several at a time. It has no Benthos, no messages,
// no retries and no order.
func writeLoop(ctx context.Context, w writing, t *tweets) error {
	// The acks of a request are those of the client.
	client, err := kgo.NewClient(kgo.SeedBrokers(w.Broker), kgo.RequiredAcks(kgo.LeaderAck()), kgo.DisableIdempotentWrite(), kgo.DisableClientMetrics())
	if err != nil {
		return err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx, w.Topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return err
	}
	leader := client.Broker(int(topics[w.Topic].Partitions[0].Leader))
	left, next := new(atomic.Int64), new(atomic.Int32)
	left.Store(w.Tweets)
	errs := make([]error, loopRequests)
	var wait sync.WaitGroup
	for i := range errs {
		wait.Go(func() {
			l := loop{writing: w, tweets: t, broker: leader, id: topics[w.Topic].ID, left: left, next: next}
			l.random.Seed(uint64(i), 4)
			errs[i] = l.write(ctx)
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// loop has one request in flight.
type loop struct {
	writing
	tweets *tweets
	broker *kgo.Broker
	id     [16]byte
	left   *atomic.Int64 // tweets
	next   *atomic.Int32 // partition

	random     rand.PCG
	compressor *recordbatch.Compressor
	plain      []byte
	compressed []byte
}

func (l *loop) write(ctx context.Context) error {
	codec, err := codecOf(l.Codec)
	if err != nil {
		return err
	}
	if l.compressor, err = recordbatch.NewCompressor(codec, recordbatch.DefaultLevel); err != nil {
		return err
	}
	for {
		batch, records := l.build()
		if records == 0 {
			return nil
		}
		if codec == recordbatch.None {
			seal(batch)
		} else {
			if l.compressed, err = l.compressor.AppendCompressed(l.compressed[:0], batch); err != nil {
				return err
			}
			batch = l.compressed
		}
		if err := l.send(ctx, batch); err != nil {
			return err
		}
	}
}

func codecOf(name string) (recordbatch.Codec, error) {
	for _, codec := range []recordbatch.Codec{recordbatch.None, recordbatch.LZ4, recordbatch.Snappy, recordbatch.Zstd} {
		if codec.String() == name {
			return codec, nil
		}
	}
	return 0, fmt.Errorf("unknown codec %q", name)
}

const batchHeaderBytes = 61

// build writes a batch without its CRC. How many tweets it may write is agreed with the
// other loops by fifty.
func (l *loop) build() (batch []byte, records int) {
	const share = 50
	now := time.Now().UnixMilli()
	tail := tweet.AppendLong(nil, now)
	dst := append(l.plain[:0], make([]byte, batchHeaderBytes)...)
	for records == 0 || len(dst) < loopBatchBytes*records/(records+share) {
		n := int(min(share, l.left.Add(-share)+share))
		if n <= 0 {
			break
		}
		for range n {
			dst = l.record(dst, int64(records), tail)
			records++
		}
	}
	l.plain = dst
	put := binary.BigEndian
	put.PutUint32(dst[8:], uint32(len(dst)-12))
	put.PutUint32(dst[12:], ^uint32(0)) // leader epoch
	dst[16] = 2                         // version
	put.PutUint32(dst[23:], uint32(records-1))
	put.PutUint64(dst[27:], uint64(now))
	put.PutUint64(dst[35:], uint64(now))
	put.PutUint64(dst[43:], ^uint64(0)) // no producer
	put.PutUint16(dst[51:], ^uint16(0))
	put.PutUint32(dst[53:], ^uint32(0))
	put.PutUint32(dst[57:], uint32(records))
	return dst, records
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal writes the CRC of a batch.
func seal(batch []byte) {
	binary.BigEndian.PutUint32(batch[17:], crc32.Checksum(batch[21:], castagnoli))
}

// record appends a record without key and headers.
func (l *loop) record(dst []byte, offset int64, tail []byte) []byte {
	text, brand := l.tweets.draw(l.random.Uint64())
	value := 1 + idBytes + len(text) + len(brand) + len(tail)
	body := 2 + zigzagBytes(offset) + 1 + zigzagBytes(int64(value)) + value + 1
	dst = binary.AppendVarint(dst, int64(body))
	dst = append(dst, 0, 0) // attributes, time
	dst = binary.AppendVarint(dst, offset)
	dst = append(dst, 1) // no key
	dst = binary.AppendVarint(dst, int64(value))
	dst = append(dst, idHead)
	dst = appendID(dst, &l.random)
	dst = append(dst, text...)
	dst = append(dst, brand...)
	dst = append(dst, tail...)
	return append(dst, 0) // headers
}

// zigzagBytes returns the size of a number that is not negative.
func zigzagBytes(n int64) int { return (bits.Len64(uint64(n)<<1|1) + 6) / 7 }

func (l *loop) send(ctx context.Context, batch []byte) error {
	partition := kmsg.NewProduceRequestTopicPartition()
	partition.Partition = (l.next.Add(1) - 1) % l.Partitions
	partition.Records = batch
	topic := kmsg.NewProduceRequestTopic()
	topic.Topic, topic.TopicID = l.Topic, l.id
	topic.Partitions = []kmsg.ProduceRequestTopicPartition{partition}
	request := kmsg.NewPtrProduceRequest()
	request.Acks, request.TimeoutMillis = 1, 10_000
	request.Topics = []kmsg.ProduceRequestTopic{topic}
	answer, err := l.broker.Request(ctx, request)
	if err != nil {
		return err
	}
	for _, t := range answer.(*kmsg.ProduceResponse).Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("partition %d: %w", p.Partition, err)
			}
		}
	}
	return nil
}
