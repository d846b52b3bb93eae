// Package kafkalog reads a topic of Kafka as a reader of committed records sees
// it, RecordBatch by RecordBatch: with plain fetches from the leaders, and
// without a consumer group, so that nothing of it shows to the pipeline that is
// audited. It shares no code with the inputs of that pipeline.
//
// It never passes over anything: offsets that retention has removed, a topic
// that was created anew, a batch that is corrupt are errors that say so.
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

// Kind says what a RecordBatch is to a reader of committed records.
type Kind uint8

// The kinds of batches.
const (
	Data    Kind = iota // its records are to be read
	Aborted             // of a transaction that was rolled back
	Control             // the mark at the end of a transaction
)

// String names the kind.
func (k Kind) String() string {
	return [...]string{"data", "aborted", "control"}[k]
}

// Batch is one RecordBatch. A topic's offsets are tiled by batches; where one is
// missing between two others, Kafka has compacted the topic.
type Batch struct {
	Topic     string
	TopicID   [16]byte // zero where brokers know no ids
	Partition int32
	// Base and Last are the batch's first and last offset, also where the range
	// that is read begins or ends inside of it.
	Base, Last int64
	// Count is how many records the batch has, by its header: Last-Base+1, or
	// fewer where Kafka has compacted the topic.
	Count int
	// MaxTimestamp is the largest of its records' timestamps, by its header, in
	// milliseconds since the Unix epoch.
	MaxTimestamp int64
	Kind         Kind
	// Records are those of the range that a reader of committed records sees, by
	// rising offset. There are none in batches other than Data, nor with Headers.
	Records []Record
}

// Record is one record. Its bytes are good until do returns.
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

// Range is offsets from Start to before End.
type Range struct{ Start, End int64 }

// Bounds of what is read at once, for each of up to maxReaders partitions.
const (
	fetchBytes    = 4 << 20  // of a response, or one batch if that is larger
	maxBatchBytes = 64 << 20 // of a batch without its compression
	maxReaders    = 4
)

// patience is how long an error that may pass is borne, such as a leader that
// moves.
const patience = 30 * time.Second

// Log is a topic. It can be used by several goroutines at once, but reads are
// best one after the other.
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
		return nil, fmt.Errorf("making a Kafka client: %w", err)
	}
	l := &Log{client: client, admin: kadm.NewClient(client), topic: topic, patience: patience}
	m, err := l.metadata(ctx)
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		err = fmt.Errorf("the topic %s does not exist on these brokers: check its name, and that they are of the right cluster", topic)
	case errors.Is(err, kerr.TopicAuthorizationFailed):
		err = fmt.Errorf("reading the topic %s is not allowed: give the user the right to describe and read it: %w", topic, err)
	case err != nil:
		err = fmt.Errorf("asking for the topic %s: %w", topic, err)
	default:
		l.id = m.TopicID
		return l, nil
	}
	client.Close()
	return nil, err
}

// Topic is the topic's name, and its id, which is zero where brokers know none.
func (l *Log) Topic() (name string, id [16]byte) { return l.topic, l.id }

// Close ends the connections.
func (l *Log) Close() { l.client.Close() }

// metadata asks for the topic's partitions and leaders.
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
		return nil, errors.New("the broker does not answer for it")
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
	return fmt.Sprintf("the topic %s was deleted and created anew while it was read: begin again", string(topic))
}

// Bounds gives for each partition where its log begins, and where its committed
// records end now: the last stable offset.
func (l *Log) Bounds(ctx context.Context) (bounds map[int32]Range, err error) {
	err = l.insist(ctx, func() (err error) {
		bounds, err = l.bounds(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("asking where the log of %s begins and ends: %w", l.topic, err)
	}
	return bounds, nil
}

// insist asks again while the brokers are not ready to answer, as after a start.
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
	// The start first: it can only rise, and a range that begins before it is
	// found out when it is read.
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
			return nil, fmt.Errorf("the brokers do not answer for partition %d", partition)
		}
		bounds[partition] = Range{start.Offset, max(start.Offset, end.Offset)}
	}
	return bounds, nil
}

// Committed gives what a consumer group has committed: the next offset that it
// wants to read. Partitions without a commit are left out; so there are none
// for a group that does not exist.
func (l *Log) Committed(ctx context.Context, group string) (committed map[int32]int64, err error) {
	err = l.insist(ctx, func() (err error) {
		committed, err = l.committed(ctx, group)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("asking what the group %s has committed for %s: %w", group, l.topic, err)
	}
	return committed, nil
}

func (l *Log) committed(ctx context.Context, group string) (map[int32]int64, error) {
	// What was committed for a topic of before says nothing of this one.
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
