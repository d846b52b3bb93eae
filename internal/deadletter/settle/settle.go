// Package settle replays and drops dead letters, each once, however often it is killed.
//
// The records of letters and their marks are written in the same transactions. One
// transactional id per topic of letters fences all but the newest settler: it first
// takes the id, which ends a transaction that a killed one left open, and then reads the
// marks to their end. So it sees every mark that will ever be committed by others, and
// what it commits itself was settled by nobody else.
package settle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/deadletter"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/letterlog"
	"github.com/brandpulse/brandpulse-connect/internal/deadletter/marks"
)

const (
	// MaxLetters bounds the letters of a transaction.
	MaxLetters = 500
	// maxBatchBytes is Kafka's default max.message.bytes: the client's default is less, so
	// that the largest records could not be written again.
	maxBatchBytes = 1<<20 + 12
	// transactionTimeout is how long readers that wait for transactions may wait for one
	// whose settler was killed, unless it is run again.
	transactionTimeout = 10 * time.Second
)

// ErrFenced means that another settler of the same topic of letters was started.
var ErrFenced = errors.New("another replay or drop of this topic was started since, and continues in its place")

// Settler settles the letters of one topic.
type Settler struct {
	client  *kgo.Client
	topic   string // of the marks
	done    *marks.Set
	parking string // the topic of parked letters, once it exists
}

// Item is a letter to settle.
type Item struct {
	Key  string // of its mark
	Mark marks.Mark
	// Records are written with the mark: none for a letter that is dropped. Their partition
	// is used if the topic has it; otherwise the key decides.
	Records []*kgo.Record
}

// Open takes over the letters of a topic, and reads which are settled.
func Open(ctx context.Context, options []kgo.Opt, letters string) (*Settler, error) {
	s := &Settler{topic: marks.Topic(letters)}
	client, err := kgo.NewClient(append(slices.Clone(options),
		kgo.TransactionalID("brandpulse-dlq-"+letters), kgo.TransactionTimeout(transactionTimeout),
		kgo.RecordPartitioner(partitioner{}), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.ProducerBatchMaxBytes(maxBatchBytes),
	)...)
	if err != nil {
		return nil, fmt.Errorf("creating a Kafka client: %w", err)
	}
	s.client = client
	if err := s.createMarks(ctx); err != nil {
		client.Close()
		return nil, err
	}
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("taking the transactional id brandpulse-dlq-%s: %w. Grant the user Write on it", letters, err)
	}
	if s.done, err = s.marks(ctx, options); err != nil {
		client.Close()
		return nil, err
	}
	return s, nil
}

// Close closes the connections.
func (s *Settler) Close() { s.client.Close() }

// Settled reads which letters of a topic are settled. Without a topic of marks, none are.
func Settled(ctx context.Context, options []kgo.Opt, letters string) (*marks.Set, error) {
	set, err := readMarks(ctx, options, marks.Topic(letters))
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return marks.NewSet(), nil
	}
	return set, err
}

// MarkOf returns the mark with a key, if there is one.
func MarkOf(ctx context.Context, options []kgo.Opt, letters, key string) (m marks.Mark, found bool, err error) {
	err = eachMark(ctx, options, marks.Topic(letters), func(r deadletter.Record) (err error) {
		if string(r.Key) == key {
			if found = r.Value != nil; found {
				m, err = marks.Decode(r.Value)
			}
		}
		return err
	})
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return m, false, nil
	}
	return m, found, err
}

// marks reads the marks. Their topic exists: a broker that does not know it yet must not
// pass for one without marks, or all letters would be settled again.
func (s *Settler) marks(ctx context.Context, options []kgo.Opt) (*marks.Set, error) {
	for begun := time.Now(); ; {
		set, err := readMarks(ctx, options, s.topic)
		if !errors.Is(err, kerr.UnknownTopicOrPartition) || time.Since(begun) > transactionTimeout {
			return set, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func readMarks(ctx context.Context, options []kgo.Opt, topic string) (*marks.Set, error) {
	set := marks.NewSet()
	return set, eachMark(ctx, options, topic, func(r deadletter.Record) error { return set.Apply(&r) })
}

func eachMark(ctx context.Context, options []kgo.Opt, topic string, do func(deadletter.Record) error) error {
	log, err := letterlog.Open(ctx, options, topic)
	if err == nil {
		defer log.Close()
		err = log.Each(ctx, do)
	}
	if err != nil {
		return fmt.Errorf("reading the marks of settled letters: %w", err)
	}
	return nil
}

// createMarks creates the topic of marks, compacted and with one partition, so that the
// marks of a letter are in order.
func (s *Settler) createMarks(ctx context.Context) error {
	compact := "compact"
	_, err := kadm.NewClient(s.client).CreateTopic(ctx, 1, -1, map[string]*string{"cleanup.policy": &compact}, s.topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating the topic of marks, %s: %w", s.topic, err)
	}
	return nil
}

// CreateParking creates the topic of parked letters if it is missing. Its letters are kept
// until somebody removes them.
func (s *Settler) CreateParking(ctx context.Context, topic string) error {
	if s.parking == topic {
		return nil
	}
	forever := "-1"
	_, err := kadm.NewClient(s.client).CreateTopic(ctx, -1, -1, map[string]*string{"retention.ms": &forever}, topic)
	if err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
		return fmt.Errorf("creating the topic of parked letters, %s: %w. Create it, or name another", topic, err)
	}
	s.parking = topic
	return nil
}

// Has reports whether a letter with this key is settled.
func (s *Settler) Has(key string) bool { return s.done.Has(key) }

// Unsettled returns the mark of a point whose letter is not settled.
func (s *Settler) Unsettled(key string) (marks.Mark, bool) { return s.done.Unsettled(key) }

// See records that a letter with this key exists, for Prune.
func (s *Settler) See(key string) { s.done.See(key) }

// Settle writes up to MaxLetters letters and their marks in one transaction. Letters with
// keys that are settled must not be among them. After an error nothing more can be
// settled; whether these were is known to the next settler.
func (s *Settler) Settle(ctx context.Context, items []Item) error {
	if len(items) > MaxLetters {
		return fmt.Errorf("%d letters in a transaction, more than %d", len(items), MaxLetters)
	}
	records := make([]*kgo.Record, 0, 2*len(items))
	for i := range items {
		records = append(records, items[i].Records...)
		records = append(records, &kgo.Record{Topic: s.topic, Key: []byte(items[i].Key), Value: items[i].Mark.Encode()})
	}
	if err := s.commit(ctx, records); err != nil {
		return fmt.Errorf("settling %d letters: %w", len(items), err)
	}
	for i := range items {
		if err := s.done.Put(items[i].Key, items[i].Mark); err != nil {
			return err
		}
	}
	return nil
}

// commit writes records in one transaction.
func (s *Settler) commit(ctx context.Context, records []*kgo.Record) error {
	if err := s.client.BeginTransaction(); err != nil {
		return fmt.Errorf("beginning a transaction: %w", fenced(err))
	}
	if err := s.client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		s.abort(ctx, err)
		return fmt.Errorf("writing records: %w", fenced(err))
	}
	if err := s.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("committing: %w. Run it again: it continues where the transactions end", fenced(err))
	}
	return nil
}

// abort ends the transaction after an error, so that readers need not wait for its
// time-out. A client that is fenced would take the transactional id again for that, and
// so fence its successor.
func (s *Settler) abort(ctx context.Context, cause error) {
	if errors.Is(fenced(cause), ErrFenced) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), transactionTimeout)
	defer cancel()
	_ = s.client.EndTransaction(ctx, kgo.TryAbort)
}

func fenced(err error) error {
	if errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch) || errors.Is(err, kerr.TransactionalIDNotFound) {
		return fmt.Errorf("%w (%w)", ErrFenced, err)
	}
	return err
}

// partitioner uses the partition of a record where the topic has it, and else its key.
type partitioner struct{}

func (partitioner) ForTopic(topic string) kgo.TopicPartitioner {
	return &topicPartitioner{byKey: kgo.StickyKeyPartitioner(nil).ForTopic(topic)}
}

type topicPartitioner struct{ byKey kgo.TopicPartitioner }

func (*topicPartitioner) RequiresConsistency(*kgo.Record) bool { return true }

func (p *topicPartitioner) Partition(r *kgo.Record, n int) int {
	if int(r.Partition) < n {
		return int(r.Partition)
	}
	return p.byKey.Partition(r, n)
}
