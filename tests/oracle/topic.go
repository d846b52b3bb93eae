package oracle

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is what a topic held when it was read.
type Topic struct {
	Counts Counts
	// Records counts all that a reader of committed data sees, Undecodable
	// included.
	Records     int64
	Undecodable []Undecodable
}

// Undecodable is a record that is no tweet.
type Undecodable struct {
	Partition int32
	Offset    int64
	Reason    error
}

// ReadTopic reads the committed records of a topic from its start to where it
// ends at the time of the call.
func ReadTopic(ctx context.Context, brokers []string, topic string, form Form) (*Topic, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last record before the end may be a transaction's marker.
		kgo.KeepControlRecords(),
	)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	defer client.Close()

	ends, err := remaining(ctx, client, topic)
	if err != nil {
		return nil, fmt.Errorf("reading where the topic %s ends: %w", topic, err)
	}
	from := map[int32]kgo.Offset{}
	for partition := range ends {
		from[partition] = kgo.NewOffset().AtStart()
	}
	client.AddConsumePartitions(map[string]map[int32]kgo.Offset{topic: from})

	read := &Topic{Counts: Counts{}}
	for len(ends) > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading the topic %s: %w", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			end, ok := ends[r.Partition]
			if !ok || r.Offset >= end {
				return // written after the call
			}
			if r.Offset == end-1 {
				delete(ends, r.Partition)
			}
			if !r.Attrs.IsControl() {
				read.add(r, form)
			}
		})
	}
	return read, nil
}

// remaining gives the end of each partition that holds anything.
func remaining(ctx context.Context, client *kgo.Client, topic string) (map[int32]int64, error) {
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(ctx, topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	ends, err := admin.ListCommittedOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	found := map[int32]int64{}
	ends.Each(func(end kadm.ListedOffset) {
		if start, ok := starts.Lookup(topic, end.Partition); ok && end.Offset > start.Offset {
			found[end.Partition] = end.Offset
		}
	})
	return found, nil
}

func (t *Topic) add(r *kgo.Record, form Form) {
	t.Records++
	tweet, err := form(r.Value)
	if err != nil {
		t.Undecodable = append(t.Undecodable, Undecodable{Partition: r.Partition, Offset: r.Offset, Reason: err})
		return
	}
	t.Counts[tweet.key()]++
}
