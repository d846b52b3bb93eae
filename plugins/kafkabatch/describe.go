package kafkabatch

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// described is what the brokers say of themselves and of topics.
type described struct {
	topics  map[string]kadm.TopicDetail
	brokers map[int32]string // the addresses that they advertise
}

// describe asks for topics, each with an error of its own: kadm's request fails as
// a whole, without naming it, where one of them may not be described.
func describe(ctx context.Context, client *kgo.Client, topics []string) (described, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, name := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return described{}, fmt.Errorf("asking for the topics: %w", err)
	}
	d := described{topics: map[string]kadm.TopicDetail{}, brokers: map[int32]string{}}
	for _, b := range resp.Brokers {
		d.brokers[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		detail := kadm.TopicDetail{Topic: *t.Topic, ID: t.TopicID, Err: kerr.ErrorForCode(t.ErrorCode), Partitions: kadm.PartitionDetails{}}
		for _, p := range t.Partitions {
			detail.Partitions[p.Partition] = kadm.PartitionDetail{
				Topic: *t.Topic, Partition: p.Partition,
				Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Err: kerr.ErrorForCode(p.ErrorCode),
			}
		}
		d.topics[*t.Topic] = detail
	}
	return d, nil
}
