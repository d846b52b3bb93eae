package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redpanda-data/benthos/v4/public/service"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// refused is an error that no retry repairs: Benthos retries it seldom.
func refused(err error) error { return service.NewErrBackOff(err, 30*time.Second) }

// preflight asks the brokers, before the group is joined, whether reading the
// topics as this group would give right results. It returns the topics.
func preflight(ctx context.Context, conf *config, log *service.Logger) (track.Topics, error) {
	client, err := kgo.NewClient(conf.options(log)...)
	if err != nil {
		return nil, refused(fmt.Errorf("setting up the client: %w", err))
	}
	defer client.Close()
	p := &preflighter{conf: conf, log: log, client: client, topics: track.Topics{}}
	if err := p.check(ctx); err != nil {
		return nil, err
	}
	return p.topics, nil
}

// preflighter is one preflight.
type preflighter struct {
	conf   *config
	log    *service.Logger
	client *kgo.Client
	topics track.Topics // as far as they are known
}

func (pre *preflighter) check(ctx context.Context) error {
	if err := pre.client.Ping(ctx); err != nil {
		err = fmt.Errorf("reaching a broker at %s: %w", strings.Join(pre.conf.Seeds, ", "), err)
		if !kgo.IsRetryableBrokerErr(err) {
			return refused(err)
		}
		return err
	}
	topics, err := conn.Describe(ctx, pre.client, pre.conf.topics)
	if err != nil {
		return err
	}
	if err := pre.learnTopics(topics); err != nil {
		return err
	}
	if err := pre.tellTopicsApart(); err != nil {
		return err
	}
	if err := pre.tryToRead(ctx, topics); err != nil {
		return err
	}
	if err := pre.tryGroup(ctx); err != nil {
		return err
	}
	admin := kadm.NewClient(pre.client)
	if err := pre.refuseCompacted(ctx, admin); err != nil {
		return err
	}
	return pre.compareFingerprints(ctx, admin)
}

func (pre *preflighter) refuseCompacted(ctx context.Context, admin *kadm.Client) error {
	if pre.conf.onCompacted == onCompactedRead {
		return nil
	}
	compacted, err := compactedTopics(ctx, admin, pre.conf.topics)
	if err != nil {
		pre.log.Warnf("Cannot check whether a topic is compacted: %v. Batches of a compacted topic change, and so would the counts: make sure that cleanup.policy is delete, and allow DescribeConfigs on the topics", err)
	}
	if len(compacted) > 0 {
		return refused(errCompacted(compacted))
	}
	return nil
}

func errCompacted(topics []string) error {
	return fmt.Errorf("%s: cleanup.policy contains compact: the log cleaner removes records from batches, so a replayed batch differs, and counts would change. Set cleanup.policy to delete, or read a copy of the topic that has it. To copy it, set %s: %s", strings.Join(topics, ", "), fieldOnCompactedTopic, onCompactedRead)
}

// learnTopics notes the ids of the topics.
func (pre *preflighter) learnTopics(d conn.Described) error {
	for _, name := range pre.conf.topics {
		t, ok := d.Topics[name]
		switch {
		case !ok:
			return fmt.Errorf("asking for the topic %s: the broker's response does not have it", name)
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			return fmt.Errorf("there is no topic %s: create it, or correct `%s`", name, fieldTopics)
		case errors.Is(t.Err, kerr.TopicAuthorizationFailed):
			return refused(pre.conf.errTopic("asking for", name, t.Err))
		case t.Err != nil:
			return fmt.Errorf("asking for the topic %s: %w", name, t.Err)
		}
		if t.ID == (kadm.TopicID{}) {
			pre.log.Warnf("The brokers give no id for the topic %s (Kafka has ids since 2.8): if it is deleted and recreated while nobody reads it, that is not detected, and `%s` is missing from messages", name, contract.KafkaTopicID)
		}
		pre.topics[name] = &track.Topic{ID: t.ID}
	}
	return nil
}

// compactedTopics returns the topics whose cleanup.policy contains compact. With an
// error it may not have all of them.
func compactedTopics(ctx context.Context, admin *kadm.Client, topics []string) (compacted []string, err error) {
	settings, err := conn.Settings(ctx, admin, topics)
	for _, name := range topics {
		if settings[name].Compacted() {
			compacted = append(compacted, name)
		}
	}
	return compacted, err
}

// compareFingerprints refuses to continue from commits of another configuration that
// did not finish its work.
func (pre *preflighter) compareFingerprints(ctx context.Context, admin *kadm.Client) error {
	offsets, err := committedOffsets(ctx, admin, pre.conf.group)
	if err != nil {
		if errors.Is(err, kerr.GroupAuthorizationFailed) {
			return refused(pre.conf.errGroup("asking for the offsets of", err))
		}
		return fmt.Errorf("asking for the offsets of the group %s: %w", pre.conf.group, pre.conf.explained(err))
	}
	if err := pre.otherTopic(offsets); err != nil {
		return err
	}
	var other []kadm.OffsetResponse
	for _, o := range offsets.Sorted() {
		t := pre.topics[o.Topic]
		if t == nil || o.At < 0 {
			continue
		}
		t.Note(o.At, o.Metadata)
		// What was committed of another topic stops the partition: see place.
		if m, ok := track.ParseCommitMetadata(o.Metadata); ok && m.Of(track.TopicIDText(t.ID)) && !m.Allows(pre.conf.fingerprint) {
			other = append(other, o)
		}
	}
	if len(other) == 0 {
		return nil
	}
	first := other[0]
	m, _ := track.ParseCommitMetadata(first.Metadata)
	return refused(fmt.Errorf("%d partitions, the first of them partition %d of %s: %w", len(other), first.Partition, first.Topic, pre.conf.errFingerprint(m, first.At)))
}

// committedOffsets returns the group's commits of all topics, none for a group that
// does not exist. It retries for a while: the first group of a cluster waits until the
// broker has created the topic of commits.
func committedOffsets(ctx context.Context, admin *kadm.Client, group string) (kadm.OffsetResponses, error) {
	ctx, cancel := context.WithTimeout(ctx, coordinatorPatience)
	defer cancel()
	for {
		offsets, err := admin.FetchOffsets(ctx, group)
		if err == nil {
			err = offsets.Error()
		}
		switch {
		case err == nil:
			return offsets, nil
		case errors.Is(err, kerr.GroupIDNotFound):
			return nil, nil
		case !kerr.IsRetriable(err) || !sleep(ctx, 200*time.Millisecond):
			return nil, err
		}
	}
}

const coordinatorPatience = 15 * time.Second

func (c *config) errFingerprint(m track.CommitMetadata, offset int64) error {
	return fmt.Errorf("the group %s stopped at offset %d with work of another configuration unfinished (its fingerprint is %s, this one has %s): points that it wrote beyond this offset would be counted a second time. "+
		"Choose: (1) run the former configuration until `kafka_batches_lag` is 0 and stop it with SIGTERM, then start this one; "+
		"(2) remove what was written, set the offsets of the group to the beginning with kafka-consumer-groups --reset-offsets, and start this one; "+
		"(3) give this one a `%s` of its own and a place of its own to write to",
		c.group, offset, m.Fingerprint, c.fingerprint, fieldConsumerGroup)
}
