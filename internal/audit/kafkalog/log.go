// Package kafkalog reads a topic of Kafka as a read_committed consumer sees it, one
// record batch after the other. It fetches directly from the leaders, without a
// consumer group, so the pipeline that is audited is not affected. It shares no code
// with the inputs of that pipeline.
//
// It never skips anything: offsets that retention has removed, a topic that was
// recreated, and a corrupt batch are errors.
package kafkalog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Kind is the meaning of a record batch for a read_committed consumer.
type Kind uint8

// The kinds of batches.
const (
	Data    Kind = iota // its records are delivered
	Aborted             // of an aborted transaction
	Control             // the marker at the end of a transaction
)

// String returns the name of the kind.
func (k Kind) String() string {
	return [...]string{"data", "aborted", "control"}[k]
}

// Batch is one record batch. Batches cover a topic's offsets without gaps; a missing
// batch means that Kafka has compacted the topic.
type Batch struct {
	Topic     string
	TopicID   [16]byte // zero if the brokers have no topic ids
	Partition int32
	// Base and Last are the batch's first and last offset, also if the range that is
	// read begins or ends inside it.
	Base, Last int64
	// Count is the number of records according to the header: Last-Base+1, or fewer if
	// Kafka has compacted the topic.
	Count int
	// MaxTimestamp is the largest timestamp of the records according to the header, in
	// milliseconds since the Unix epoch.
	MaxTimestamp int64
	Kind         Kind
	// Records are the records in the range that a read_committed consumer sees, by
	// ascending offset. Only batches of kind Data have them, and not with Headers.
	Records []Record
}

// Record is one record. Its bytes are valid until do returns.
type Record struct {
	Offset    int64
	Timestamp int64 // milliseconds since the Unix epoch
	Key       []byte
	Value     []byte // nil for a tombstone
	Headers   []Header
}

// Header is a header of a record.
type Header struct {
	Name  string
	Value []byte
}

// Range is the offsets from Start, up to but not including End.
type Range struct{ Start, End int64 }

// Memory bounds, for each of up to maxReaders partitions.
const (
	fetchBytes    = 4 << 20  // a response, or one batch if that is larger
	maxBatchBytes = 64 << 20 // a decompressed batch
	maxReaders    = 4
)

// patience is how long temporary errors, such as a leader that moves, are retried.
const patience = 30 * time.Second

// Log is a topic. Several goroutines may use it at once, but reads should follow each
// other.
type Log struct {
	client   *kgo.Client
	admin    *kadm.Client
	topic    string
	id       [16]byte
	patience time.Duration
}

// Open connects to the brokers that the options name and finds the topic.
func Open(ctx context.Context, opts []kgo.Opt, topic string) (*Log, error) {
	opts = append(append([]kgo.Opt{}, opts...), kgo.MaxDecompressBatchBytes(maxBatchBytes))
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	l := &Log{client: client, admin: kadm.NewClient(client), topic: topic, patience: patience}
	m, err := l.metadata(ctx)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		err = fmt.Errorf("the topic %s does not exist on these brokers: %w", topic, err)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		err = fmt.Errorf("reading the topic %s is not allowed (%w). Grant the user Describe and Read on it", topic, err)
	case err != nil:
		err = fmt.Errorf("requesting the metadata of the topic %s: %w", topic, err)
	default:
		l.id = m.TopicID
		return l, nil
	}
	client.Close()
	return nil, err
}

// Topic returns the topic's name and its id, which is zero if the brokers have no topic
// ids.
func (l *Log) Topic() (name string, id [16]byte) { return l.topic, l.id }

// Close closes the connections.
func (l *Log) Close() { l.client.Close() }

// metadata requests the topic's partitions and leaders.
func (l *Log) metadata(ctx context.Context) (*kmsg.MetadataResponseTopic, error) {
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = &l.topic
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, l.client)
	if err != nil {
		return nil, err
	}
	if len(resp.Topics) != 1 {
		return nil, errors.New("the broker does not respond for it")
	}
	t := &resp.Topics[0]
	if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
		return nil, err
	}
	if l.id != [16]byte{} && t.TopicID != l.id {
		return nil, errCreatedAnew(l.topic)
	}
	return t, nil
}

type errCreatedAnew string

func (topic errCreatedAnew) Error() string {
	return fmt.Sprintf("the topic %s was deleted and recreated while it was read. Run it again", string(topic))
}

// Bounds returns, for each partition, the start of its log and the current end of its
// committed records: the last stable offset.
func (l *Log) Bounds(ctx context.Context) (bounds map[int32]Range, err error) {
	err = l.insist(ctx, func() (err error) {
		bounds, err = l.bounds(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the start and end offsets of %s: %w", l.topic, err)
	}
	return bounds, nil
}

// insist repeats a request while the brokers are not ready, as after a start.
func (l *Log) insist(ctx context.Context, ask func() error) error {
	for begun := time.Now(); ; {
		err := ask()
		if err == nil || !kerr.IsRetriable(err) || time.Since(begun) >= l.patience {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(2 * firstWait):
		}
	}
}

func (l *Log) bounds(ctx context.Context) (map[int32]Range, error) {
	m, err := l.metadata(ctx)
	if err != nil {
		return nil, err
	}
	// The start is read first: it can only rise, and reading a range that begins before
	// it is an error.
	starts, err := l.admin.ListStartOffsets(ctx, l.topic)
	if err == nil {
		err = starts.Error()
	}
	if err != nil {
		return nil, err
	}
	ends, err := l.admin.ListCommittedOffsets(ctx, l.topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, err
	}
	bounds := make(map[int32]Range, len(m.Partitions))
	for i := range m.Partitions {
		partition := m.Partitions[i].Partition
		start, ok := starts.Lookup(l.topic, partition)
		end, ok2 := ends.Lookup(l.topic, partition)
		if !ok || !ok2 {
			return nil, fmt.Errorf("the brokers do not respond for partition %d", partition)
		}
		bounds[partition] = Range{start.Offset, max(start.Offset, end.Offset)}
	}
	return bounds, nil
}

// Committed returns the committed offsets of a consumer group: the next offsets that it
// will read. Partitions without a commit are left out, so a group that does not exist
// has none.
func (l *Log) Committed(ctx context.Context, group string) (committed map[int32]int64, err error) {
	err = l.insist(ctx, func() (err error) {
		committed, err = l.committed(ctx, group)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the committed offsets of group %s for %s: %w", group, l.topic, err)
	}
	return committed, nil
}

func (l *Log) committed(ctx context.Context, group string) (map[int32]int64, error) {
	// A commit for a deleted topic of the same name does not apply to this one.
	if _, err := l.metadata(ctx); err != nil {
		return nil, err
	}
	committed := map[int32]int64{}
	offsets, err := l.admin.FetchOffsetsForTopics(ctx, group, l.topic)
	if err == nil {
		err = offsets.Error()
	}
	switch {
	case errors.Is(err, kerr.GroupIDNotFound):
		return committed, nil
	case err != nil:
		return nil, err
	}
	offsets.Each(func(o kadm.OffsetResponse) {
		if o.Topic == l.topic && o.At >= 0 {
			committed[o.Partition] = o.At
		}
	})
	return committed, nil
}
