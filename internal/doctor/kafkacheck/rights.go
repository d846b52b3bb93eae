package kafkacheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
)

// The brokers tell a client which operations it may do, without the right to list all
// access rules.

// mayRead checks the right to read a topic.
func (k *checker) mayRead(topic string) func(ctx context.Context) doctor.Finding {
	return k.mayDo(topic, kmsg.ACLOperationRead, "Read")
}

// mayWrite checks the right to write to a topic.
func (k *checker) mayWrite(topic string) func(ctx context.Context) doctor.Finding {
	return k.mayDo(topic, kmsg.ACLOperationWrite, "Write")
}

func (k *checker) mayDo(topic string, operation kmsg.ACLOperation, name string) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		do := fmt.Sprintf("Allow %s the operation %s on the topic, as with kafka-acls --add --operation %s --topic %s.", k.Config.Who(), name, name, topic)
		described := k.metadata.Topics[topic]
		operations, said := k.metadata.Operations[topic]
		switch {
		case errors.Is(described.Err, kerr.TopicAuthorizationFailed):
			return doctor.Failed(do, "%s may not see the topic: either it does not exist, or a right is missing", k.Config.Who())
		case errors.Is(described.Err, kerr.UnknownTopicOrPartition):
			return doctor.Skipped("the topic does not exist, and has no rights of its own")
		case !said:
			return doctor.Skipped("these brokers do not say which operations are allowed (Kafka does since 2.3)")
		case operations&(1<<operation) == 0:
			return doctor.Failed(do, "%s may not do %s", k.Config.Who(), name)
		}
		return doctor.OK("%s may do %s", k.Config.Who(), name)
	}
}

// groupAccess checks the right to join a consumer group and to commit in it.
func (k *checker) groupAccess(group string) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		do := fmt.Sprintf("Allow %s the operation Read on the group, as with kafka-acls --add --operation Read --group %s.", k.Config.Who(), group)
		described, err := k.describeGroup(ctx, group)
		if kerr.IsRetriable(err) {
			if f := k.noCoordinator(ctx, err); f.Status != "" {
				return f
			}
		}
		// The first group of a cluster waits until the broker has created the topic of
		// commits.
		for kerr.IsRetriable(err) {
			select {
			case <-time.After(200 * time.Millisecond):
				described, err = k.describeGroup(ctx, group)
				continue
			case <-ctx.Done():
			}
			break
		}
		switch {
		case errors.Is(err, kerr.GroupAuthorizationFailed):
			return doctor.Failed(do, "%s may not see the group", k.Config.Who())
		case err != nil:
			return doctor.Failed(fmt.Sprintf("See the log of the broker: its topic %s may have no leader.", offsetsTopic), "asking for the group: %v", err)
		case described.AuthorizedOperations == -1<<31: // as for a group that does not exist yet
			return k.tryGroup(ctx, group, do)
		case described.AuthorizedOperations&(1<<kmsg.ACLOperationRead) == 0:
			return doctor.Failed(do, "%s may not do Read", k.Config.Who())
		}
		return doctor.OK("%s may do Read", k.Config.Who())
	}
}

// offsetsTopic has the members and commits of all groups.
const offsetsTopic = "__consumer_offsets"

// noCoordinator names the brokers that are down, if that is why groups cannot be used, or
// returns an empty finding.
func (k *checker) noCoordinator(ctx context.Context, err error) doctor.Finding {
	described, askErr := k.describe(ctx, []string{offsetsTopic})
	if askErr != nil {
		return doctor.Finding{}
	}
	found := copies{brokers: described.Brokers}
	for _, p := range described.Topics[offsetsTopic].Partitions {
		if leaderless(p) {
			found.add(p, 0, false)
		}
	}
	if len(found.down) == 0 {
		return doctor.Finding{}
	}
	why, do := found.cause(k.unanswered())
	return doctor.Failed(do+" With copies on other brokers, these would take over (offsets.topic.replication.factor).",
		"%sgroups whose commits were there cannot be used: %v", why, err)
}

func (k *checker) tryGroup(ctx context.Context, group, do string) doctor.Finding {
	err := conn.TryGroup(ctx, k.client, group)
	switch {
	case errors.Is(err, kerr.GroupAuthorizationFailed):
		return doctor.Failed(do, "%s may not do Read", k.Config.Who())
	case errors.Is(err, kerr.UnknownMemberID), errors.Is(err, kerr.GroupIDNotFound):
		return doctor.OK("%s may do Read", k.Config.Who())
	}
	return doctor.Skipped("asking for the rights: %v", err)
}

func (k *checker) describeGroup(ctx context.Context, group string) (described kmsg.DescribeGroupsResponseGroup, err error) {
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups, req.IncludeAuthorizedOperations = []string{group}, true
	resp, err := req.RequestWith(ctx, k.client)
	if err != nil {
		return described, err
	}
	if len(resp.Groups) != 1 {
		return described, fmt.Errorf("the response has %d groups", len(resp.Groups))
	}
	described = resp.Groups[0]
	if err := kerr.ErrorForCode(described.ErrorCode); err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return described, err
	}
	return described, nil
}

// group describes the members.
func (k *checker) group(read Read) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		described, err := k.describeGroup(ctx, read.ConsumerGroup)
		if err != nil {
			return doctor.Skipped("asking for the group: %v", err)
		}
		members := len(described.Members)
		var topics []string // members share the partitions of all of them
		partitions := 0
		for _, other := range k.Reads {
			if other.ConsumerGroup == read.ConsumerGroup && !slices.Contains(topics, other.Topic) {
				topics = append(topics, other.Topic)
				partitions += len(k.metadata.Topics[other.Topic].Partitions)
			}
		}
		var foreign []string
		for _, m := range described.Members {
			if subscribed := subscription(m.ProtocolMetadata); len(subscribed) > 0 && !slices.Contains(subscribed, read.Topic) {
				foreign = append(foreign, fmt.Sprintf("%s at %s reads %s", m.ClientID, m.ClientHost, strings.Join(subscribed, ", ")))
			}
		}
		switch {
		case members == 0:
			return doctor.OK("it has no member: no pipeline is running in it")
		case len(foreign) > 0:
			return doctor.Warning("Give each pipeline a consumer_group of its own: a failure of one otherwise delays the other.",
				"members read other topics: %s", strings.Join(foreign, "; "))
		case members > partitions:
			return doctor.Warning("Stop some members. The number of partitions is the limit of members that share the work.",
				"%d members share %d partitions of %s, so %d have none", members, partitions, strings.Join(topics, ", "), members-partitions)
		case described.State != "Stable":
			return doctor.Warning("If this lasts, a member joins and leaves in turn: look at the logs of the pipelines.", "%d members, and its state is %s", members, described.State)
		}
		return doctor.OK("%d members, stable", members)
	}
}

// subscription returns the topics that a member of a classic group reads.
func subscription(metadata []byte) []string {
	m := kmsg.NewConsumerMemberMetadata()
	if len(metadata) == 0 || m.ReadFrom(metadata) != nil {
		return nil
	}
	return m.Topics
}
