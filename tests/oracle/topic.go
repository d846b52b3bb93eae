package oracle

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Topic is the content of a topic when it was read.
type Topic struct {
	Counts Counts
	// Records counts everything that a read_committed consumer sees, including
	// Undecodable.
	Records     int64
	Undecodable []Undecodable
	// Offsets of all records by partition, ascending. Filtered are those of records for
	// which the form returns ErrFiltered.
	Offsets, Filtered map[int32][]int64
}

// ErrFiltered is returned by a form for a record that a pipeline deletes on purpose: it
// is neither a tweet nor a dead letter.
var ErrFiltered = errors.New("the record is filtered")

// Undecodable is a record that is not a tweet.
type Undecodable struct {
	Partition int32
	Offset    int64
	Value     []byte
	Reason    error
}

// ReadTopic reads the committed records of a topic from its start to its end at the
// time of the call, sometimes a little further.
func ReadTopic(ctx context.Context, brokers []string, topic string, form Form) (*Topic, error) {
	f, err := Follow(brokers, topic, form)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Read(ctx)
}

// Follower reads a topic that grows. It must not be used by several goroutines at once.
type Follower struct {
	client *kgo.Client
	topic  string
	form   Form
	next   map[int32]int64 // next offsets of the partitions
	read   *Topic
}

// Follow returns a Follower of the committed records of a topic.
func Follow(brokers []string, topic string, form Form) (*Follower, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last record before the end may be a transaction marker.
		kgo.KeepControlRecords(),
		// A topic can get more partitions, and the end is requested for those that the
		// client knows, by default from metadata of up to 5 s ago. Records in the
		// others would be in InfluxDB but not in Kafka.
		kgo.MetadataMinAge(10*time.Millisecond),
		// A new partition waits for the fetch in flight.
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	return &Follower{client, topic, form, map[int32]int64{}, &Topic{Counts: Counts{}, Offsets: map[int32][]int64{}, Filtered: map[int32][]int64{}}}, nil
}

// Close ends the connections.
func (f *Follower) Close() { f.client.Close() }

// Read returns everything from the topic's start to its end at the time of the call,
// sometimes a little further. The next call adds to its result.
func (f *Follower) Read(ctx context.Context) (*Topic, error) {
	ends, err := remaining(ctx, f.client, f.topic)
	if err != nil {
		return nil, fmt.Errorf("reading the end of the topic %s: %w", f.topic, err)
	}
	from := map[int32]kgo.Offset{}
	for partition := range ends {
		if _, reads := f.next[partition]; !reads {
			from[partition] = kgo.NewOffset().AtStart()
			f.next[partition] = 0
		}
	}
	if len(from) > 0 {
		f.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{f.topic: from})
	}
	for {
		maps.DeleteFunc(ends, func(partition int32, end int64) bool { return f.next[partition] >= end })
		if len(ends) == 0 {
			return f.read, nil
		}
		fetches := f.client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return nil, fmt.Errorf("reading the topic %s: %w", f.topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			f.next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				f.read.add(r, f.form)
			}
		})
	}
}

// remaining returns the end of each partition with records left.
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
	t.Offsets[r.Partition] = append(t.Offsets[r.Partition], r.Offset)
	tweet, err := form(r.Value)
	if errors.Is(err, ErrFiltered) {
		t.Filtered[r.Partition] = append(t.Filtered[r.Partition], r.Offset)
		return
	}
	if err != nil {
		t.Undecodable = append(t.Undecodable, Undecodable{Partition: r.Partition, Offset: r.Offset, Value: bytes.Clone(r.Value), Reason: err})
		return
	}
	t.Counts[tweet.key()]++
}
