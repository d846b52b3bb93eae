// Package letterlog reads topics of dead letters from Kafka, as a read_committed
// consumer sees them. It joins no consumer group and commits nothing, so reading
// changes nothing in Kafka.
package letterlog

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
)

// Log is a topic of dead letters.
type Log struct{ log *kafkalog.Log }

// Open connects to the brokers that the options name and finds the topic.
func Open(ctx context.Context, opts []kgo.Opt, topic string) (*Log, error) {
	log, err := kafkalog.Open(ctx, opts, topic)
	if err != nil {
		return nil, err
	}
	return &Log{log}, nil
}

// ID returns the id of the topic, zero if the brokers have no topic ids.
func (l *Log) ID() [16]byte {
	_, id := l.log.Topic()
	return id
}

// Close closes the connections.
func (l *Log) Close() { l.log.Close() }

// Each passes all records that the topic has now to do: those of a partition by their
// offsets, partitions in any order, never two at a time. A record's bytes are valid
// until do returns.
func (l *Log) Each(ctx context.Context, do func(deadletter.Record) error) error {
	bounds, err := l.log.Bounds(ctx)
	if err != nil {
		return err
	}
	return l.read(ctx, bounds, do)
}

// One returns the record at a position; found is false if the topic has none there.
func (l *Log) One(ctx context.Context, at deadletter.Position) (record deadletter.Record, found bool, err error) {
	_, err = l.Some(ctx, at.Partition, at.Offset, at.Offset, func(r deadletter.Record) error {
		record, found = r.Clone(), true
		return nil
	})
	return record, found, err
}

// Some passes the records from one offset of a partition to another, inclusive, to do. all
// is false, and none are passed, if the topic does not have all of these offsets.
func (l *Log) Some(ctx context.Context, partition int32, first, last int64, do func(deadletter.Record) error) (all bool, err error) {
	bounds, err := l.log.Bounds(ctx)
	if err != nil {
		return false, err
	}
	if within, is := bounds[partition]; !is || first < within.Start || last >= within.End {
		return false, nil
	}
	return true, l.read(ctx, map[int32]kafkalog.Range{partition: {Start: first, End: last + 1}}, do)
}

func (l *Log) read(ctx context.Context, ranges map[int32]kafkalog.Range, do func(deadletter.Record) error) error {
	var headers []deadletter.Header
	return l.log.Read(ctx, ranges, func(b kafkalog.Batch) error {
		for i := range b.Records {
			r := &b.Records[i]
			headers = headers[:0]
			for _, h := range r.Headers {
				headers = append(headers, deadletter.Header(h))
			}
			record := deadletter.Record{
				Partition: b.Partition, Offset: r.Offset, Timestamp: r.Timestamp,
				Key: r.Key, Value: r.Value, Headers: headers,
			}
			if err := do(record); err != nil {
				return err
			}
		}
		return nil
	})
}
