package exactbench_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// readLoop does the minimum of exact.yaml's work: it fetches, decompresses, decodes and
// counts, each partition on its own connection. It has no group, no Benthos and no
// messages, and creates no points.
func readLoop(ctx context.Context, j job, m *meter) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	client, err := kgo.NewClient(kgo.SeedBrokers(j.Broker))
	if err != nil {
		return err
	}
	defer client.Close()
	topics, err := kadm.NewClient(client).ListTopics(ctx, j.Topic)
	if err == nil {
		err = topics.Error()
	}
	if err != nil {
		return err
	}
	for _, p := range topics[j.Topic].Partitions {
		go func() {
			l := loop{job: j, id: topics[j.Topic].ID, partition: p.Partition, meter: m, brands: map[string]*brand{}}
			if err := l.read(ctx, p.Leader); err != nil {
				cancel(fmt.Errorf("partition %d: %w", p.Partition, err))
			}
		}()
	}
	select {
	case <-m.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// loop reads one partition.
type loop struct {
	job
	id        [16]byte
	partition int32
	meter     *meter
	brands    map[string]*brand
	last      *brand
}

// brand counts the tweets of a brand, by second.
type brand struct {
	name    string
	seconds map[int64]*[tweet.NumSentiments]int64
	second  int64
	counts  *[tweet.NumSentiments]int64 // of the second
}

const loopFetchBytes = 2 << 20

func (l *loop) read(ctx context.Context, leader int32) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(l.Broker))
	if err != nil {
		return err
	}
	defer client.Close()
	decompressor := recordbatch.NewDecompressor(32 << 20)
	for next := int64(0); ctx.Err() == nil; {
		rest, err := l.fetch(ctx, client.Broker(int(leader)), next)
		if err != nil {
			return err
		}
		for {
			var h recordbatch.Header
			var batch []byte
			h, batch, rest, err = recordbatch.Next(rest)
			if err == io.EOF || errors.Is(err, recordbatch.ErrPartial) {
				break
			}
			if err != nil {
				return err
			}
			reader, err := decompressor.Reader(batch)
			if err != nil {
				return err
			}
			if err := l.count(&reader); err != nil {
				return err
			}
			l.meter.add(int64(h.Records))
			next = h.LastOffset() + 1
		}
	}
	return nil
}

func (l *loop) fetch(ctx context.Context, broker *kgo.Broker, offset int64) ([]byte, error) {
	partition := kmsg.NewFetchRequestTopicPartition()
	partition.Partition, partition.FetchOffset, partition.PartitionMaxBytes = l.partition, offset, loopFetchBytes
	topic := kmsg.NewFetchRequestTopic()
	topic.Topic, topic.TopicID, topic.Partitions = l.Topic, l.id, []kmsg.FetchRequestTopicPartition{partition}
	request := kmsg.NewPtrFetchRequest()
	request.MaxWaitMillis, request.MinBytes, request.MaxBytes = 500, 1, loopFetchBytes
	request.IsolationLevel, request.SessionEpoch = 1, -1
	request.Topics = []kmsg.FetchRequestTopic{topic}
	answer, err := broker.Request(ctx, request)
	if err != nil {
		return nil, err
	}
	response := answer.(*kmsg.FetchResponse)
	if err := kerr.ErrorForCode(response.ErrorCode); err != nil {
		return nil, err
	}
	if len(response.Topics) != 1 || len(response.Topics[0].Partitions) != 1 {
		return nil, errors.New("the response is not for one partition")
	}
	got := &response.Topics[0].Partitions[0]
	return got.RecordBatches, kerr.ErrorForCode(got.ErrorCode)
}

// count decodes and counts the tweets of a batch.
func (l *loop) count(reader *recordbatch.Reader) error {
	var record recordbatch.Record
	var t tweet.Tweet
	for reader.Next(&record) {
		if err := t.DecodeAvro(record.Value); err != nil {
			return err
		}
		l.countsOf(&t)[t.Sentiment]++
	}
	return reader.Err()
}

func (l *loop) countsOf(t *tweet.Tweet) *[tweet.NumSentiments]int64 {
	b := l.last
	if b == nil || b.name != string(t.Brand) {
		if b = l.brands[string(t.Brand)]; b == nil {
			b = &brand{name: string(t.Brand), seconds: map[int64]*[tweet.NumSentiments]int64{}}
			l.brands[b.name] = b
		}
		l.last = b
	}
	if second := t.Millis / 1000; b.counts == nil || b.second != second {
		if b.second, b.counts = second, b.seconds[second]; b.counts == nil {
			b.counts = new([tweet.NumSentiments]int64)
			b.seconds[second] = b.counts
		}
	}
	return b.counts
}
