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

// Topic is what a topic held when it was read.
type Topic struct {
	Counts Counts
	// Records counts all that a reader of committed data sees, Undecodable
	// included.
	Records     int64
	Undecodable []Undecodable
	// Offsets of all records by partition, rising; Filtered are those of records
	// whose form says ErrFiltered.
	Offsets, Filtered map[int32][]int64
}

// ErrFiltered is what a form wraps for a record that a pipeline leaves out on
// purpose: it is neither a tweet nor a dead letter.
var ErrFiltered = errors.New("the record is filtered")

// Undecodable is a record that is no tweet.
type Undecodable struct {
	Partition int32
	Offset    int64
	Value     []byte
	Reason    error
}

// ReadTopic reads the committed records of a topic from its start to where it
// ends at the time of the call, and at times a little further.
func ReadTopic(ctx context.Context, brokers []string, topic string, form Form) (*Topic, error) {
	f, err := Follow(brokers, topic, form)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Read(ctx)
}

// Follower reads a topic that grows. It is not for use by several goroutines at
// once.
type Follower struct {
	client *kgo.Client
	topic  string
	form   Form
	next   map[int32]int64 // offsets, of partitions that are read
	read   *Topic
}

// Follow prepares to read the committed records of a topic.
func Follow(brokers []string, topic string, form Form) (*Follower, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(brokers...),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		// The last record before the end may be a transaction's marker.
		kgo.KeepControlRecords(),
		// A topic can get more partitions, and where it ends is asked of those that
		// the client knows: by default as they were up to 5 s ago. What the others
		// hold would be in InfluxDB, and not in Kafka.
		kgo.MetadataMinAge(10*time.Millisecond),
		// A partition that comes along waits for the fetch that is under way.
		kgo.FetchMaxWait(100*time.Millisecond),
	)
	if err != nil {
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	return &Follower{client, topic, form, map[int32]int64{}, &Topic{Counts: Counts{}, Offsets: map[int32][]int64{}, Filtered: map[int32][]int64{}}}, nil
}

// Close ends the connections.
func (f *Follower) Close() { f.client.Close() }

// Read gives all from the topic's start to where it ends at the time of the
// call, and at times a little further. What it gives grows with the next call.
func (f *Follower) Read(ctx context.Context) (*Topic, error) {
	ends, err := remaining(ctx, f.client, f.topic)
	if err != nil {
		return nil, fmt.Errorf("reading where the topic %s ends: %w", f.topic, err)
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
