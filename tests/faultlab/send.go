package faultlab

import (
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
	"github.com/brandpulse/brandpulse-connect/tests/stream/produce"
)

// Tweet returns a record of the topic, in any partition.
func (l *Lab) Tweet(brand string, at time.Time) *kgo.Record {
	one := tweet.Tweet{
		ID:        []byte("by hand"),
		Text:      []byte("It is what it is."),
		Brand:     []byte(brand),
		Sentiment: tweet.Sentiment(l.Random.IntN(tweet.NumSentiments)),
		Millis:    at.UnixMilli(),
	}
	return &kgo.Record{
		Partition: l.Random.Int32N(l.Partitions),
		Value:     one.AppendAvro(slices.Clone(l.Header)),
	}
}

// Send writes records besides the producers: those of a partition as one record batch,
// if they fit.
func (l *Lab) Send(records ...*kgo.Record) {
	l.Helper()
	client := l.Broker.Client(l, append(produce.ClientOptions(l.Stream.Topic, kgo.SnappyCompression()),
		kgo.ProducerBatchMaxBytes(1<<20))...)
	defer client.Close()
	if err := client.ProduceSync(l.Context(), records...).FirstErr(); err != nil {
		l.Fatalf("producing %d records: %v", len(records), err)
	}
}

// SendBatches writes this many record batches, of the kind that the producers write.
func (l *Lab) SendBatches(count int) {
	l.Helper()
	for range count {
		l.Send(l.Producers.Records(l.Random, 1+l.Random.IntN(500))...)
	}
}
