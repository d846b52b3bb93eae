package demo

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// counts are numbers of tweets by sentiment.
type counts [tweet.NumSentiments]int64

func (c counts) total() (n int64) {
	for _, v := range c {
		n += v
	}
	return n
}

// tally reads the topic independently of the ingest and counts its tweets.
type tally struct {
	kafka  *kafka
	client *kgo.Client
	done   chan struct{}

	mu   sync.Mutex
	sums counts
	next [partitions]int64 // offset of the next record
	err  error
}

func startTally(ctx context.Context, k *kafka) (*tally, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokerList(k.brokers)...),
		kgo.ConsumeTopics(k.topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.FetchMaxBytes(8<<20),
		kgo.FetchMaxWait(500*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	t := &tally{kafka: k, client: client, done: make(chan struct{})}
	k.tally = t
	go t.run(ctx)
	return t, nil
}

func (t *tally) run(ctx context.Context) {
	defer close(t.done)
	for {
		fetches := t.client.PollFetches(ctx)
		if fetches.IsClientClosed() || ctx.Err() != nil {
			return
		}
		var (
			sums counts
			tw   tweet.Tweet
			err  error
		)
		fetches.EachError(func(topic string, partition int32, e error) {
			err = fmt.Errorf("reading topic %s, partition %d: %w", topic, partition, e)
		})
		t.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			if e := tw.DecodeAvro(r.Value); e != nil {
				err = fmt.Errorf("decoding topic %s, partition %d, offset %d: %w", r.Topic, r.Partition, r.Offset, e)
				return
			}
			sums[tw.Sentiment]++
			t.next[r.Partition] = r.Offset + 1
		})
		for s, n := range sums {
			t.sums[s] += n
		}
		if err != nil && t.err == nil {
			t.err = err
		}
		t.mu.Unlock()
	}
}

func (t *tally) counts() counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.sums
}

func (t *tally) position(partition int32) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.next[partition]
}

// wholeLimit limits the duration of whole, which waits for Kafka.
const wholeLimit = 30 * time.Second

// whole returns the counts of everything that is in the topic now.
func (t *tally) whole(ctx context.Context) (counts, error) {
	ctx, cancel := context.WithTimeout(ctx, wholeLimit)
	defer cancel()
	ends, err := t.kafka.admin.ListCommittedOffsets(ctx, t.kafka.topic)
	if err != nil {
		return counts{}, fmt.Errorf("listing the end offsets of topic %s: %w", t.kafka.topic, err)
	}
	for {
		t.mu.Lock()
		sums, err, behind := t.sums, t.err, false
		for p := range int32(partitions) {
			if end, ok := ends.Lookup(t.kafka.topic, p); ok && t.next[p] < end.Offset {
				behind = true
			}
		}
		t.mu.Unlock()
		if err != nil || !behind {
			return sums, err
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return counts{}, fmt.Errorf("reading topic %s to its end: %w", t.kafka.topic, ctx.Err())
		}
	}
}

func (t *tally) close() {
	t.client.Close()
	<-t.done
}
