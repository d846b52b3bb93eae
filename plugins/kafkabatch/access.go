package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// tryToRead asks each leader for a record that no log has, of a partition of each
// topic. The response shows whether the topic may be read, and that the leader can be
// reached. Without this check, a client that may describe a topic but not read it
// would join the group and wait indefinitely.
func (pre *preflighter) tryToRead(ctx context.Context, d conn.Described) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var denied, unreached []error
	reached := 0
	for leader, req := range pre.probes(d) {
		wait.Go(func() {
			answer, err := pre.client.Broker(int(leader)).Request(ctx, req)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				unreached = append(unreached, fmt.Errorf("reaching broker %d at %s, the address that it advertises: %w", leader, d.Brokers[leader], err))
				return
			}
			reached++
			denied = append(denied, pre.deniedTopics(answer.(*kmsg.FetchResponse))...)
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if len(denied) > 0 {
		return refused(errors.Join(unique(denied)...))
	}
	if len(unreached) == 0 {
		return nil
	}
	err := fmt.Errorf("%w. %s", errors.Join(unreached...), pre.conf.AdvertisedHint())
	if reached == 0 {
		return err
	}
	pre.log.Warnf("The partitions that it leads wait: %v", err)
	return nil
}

// probes makes a request for each leader.
func (pre *preflighter) probes(d conn.Described) map[int32]*kmsg.FetchRequest {
	asks := map[int32]*kmsg.FetchRequest{}
	for _, name := range pre.conf.topics {
		topic := d.Topics[name]
		asked := map[int32]bool{}
		for _, p := range topic.Partitions.Sorted() {
			if p.Leader < 0 || asked[p.Leader] {
				continue
			}
			asked[p.Leader] = true
			req := asks[p.Leader]
			if req == nil {
				req = kmsg.NewPtrFetchRequest()
				req.MaxWaitMillis, req.MinBytes, req.MaxBytes, req.SessionEpoch = 1, 0, 1, -1
				asks[p.Leader] = req
			}
			rp := kmsg.NewFetchRequestTopicPartition()
			rp.Partition, rp.FetchOffset, rp.PartitionMaxBytes = p.Partition, math.MaxInt64, 1
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = name, topic.ID
			rt.Partitions = append(rt.Partitions, rp)
			req.Topics = append(req.Topics, rt)
		}
	}
	return asks
}

func (pre *preflighter) deniedTopics(resp *kmsg.FetchResponse) (denied []error) {
	for _, t := range resp.Topics {
		name := t.Topic
		if name == "" {
			name = pre.topics.Named(t.TopicID)
		}
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); errors.Is(err, kerr.TopicAuthorizationFailed) {
				denied = append(denied, pre.conf.errTopic("reading", name, err))
			}
		}
	}
	if err := kerr.ErrorForCode(resp.ErrorCode); errors.Is(err, kerr.TopicAuthorizationFailed) {
		denied = append(denied, pre.conf.errTopic("reading", strings.Join(pre.conf.topics, ", "), err))
	}
	return denied
}

// tryGroup returns an error if the group may not be joined. Other errors are expected, or
// recur with the next request.
func (pre *preflighter) tryGroup(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, coordinatorPatience)
	defer cancel()
	if err := conn.TryGroup(ctx, pre.client, pre.conf.group); errors.Is(err, kerr.GroupAuthorizationFailed) {
		return refused(pre.conf.errGroup("joining", err))
	}
	return nil
}

// errTopic names the missing permission on a topic.
func (c *config) errTopic(doing, topic string, err error) error {
	return fmt.Errorf("%s the topic %s: %w: allow %s the operation Read on it, as with kafka-acls --add --operation Read --topic %s", doing, topic, err, c.Who(), topic)
}

// errGroup names the missing permission on the group.
func (c *config) errGroup(doing string, err error) error {
	return fmt.Errorf("%s the group %s: %w: allow %s the operation Read on it, as with kafka-acls --add --operation Read --group %s", doing, c.group, err, c.Who(), c.group)
}

// explained adds what to do about an error that comes up while the group is read.
func (c *config) explained(err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		return fmt.Errorf("%w: allow %s the operation Read on the group %s", err, c.Who(), c.group)
	}
	return c.Explained(err)
}

// unique drops errors with the same text: all leaders of a topic return the same.
func unique(errs []error) (once []error) {
	said := map[string]bool{}
	for _, err := range errs {
		if !said[err.Error()] {
			said[err.Error()] = true
			once = append(once, err)
		}
	}
	return once
}
