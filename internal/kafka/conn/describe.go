package conn

import (
	"context"
	"fmt"
	"net"
	"strconv"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Described is what the brokers say of themselves and of topics.
type Described struct {
	Topics  map[string]kadm.TopicDetail
	Brokers map[int32]string // the addresses that they advertise
	// Operations are those that this client may do with each topic, as bits by the
	// numbers of kmsg.ACLOperation. A broker that does not say has no entry.
	Operations map[string]int32
}

// notSaid is the value of a broker that does not say which operations are allowed.
const notSaid = -1 << 31

// Describe asks for topics, each with an error of its own: kadm's request fails as
// a whole, without naming it, where one of them may not be described.
func Describe(ctx context.Context, client kmsg.Requestor, topics []string) (Described, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.IncludeTopicAuthorizedOperations = true
	for _, name := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(name)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return Described{}, fmt.Errorf("asking for the topics: %w", err)
	}
	d := Described{Topics: map[string]kadm.TopicDetail{}, Brokers: map[int32]string{}, Operations: map[string]int32{}}
	for _, b := range resp.Brokers {
		d.Brokers[b.NodeID] = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	}
	for _, t := range resp.Topics {
		if t.Topic == nil {
			continue
		}
		detail := kadm.TopicDetail{Topic: *t.Topic, ID: t.TopicID, Err: kerr.ErrorForCode(t.ErrorCode), Partitions: kadm.PartitionDetails{}}
		for _, p := range t.Partitions {
			detail.Partitions[p.Partition] = kadm.PartitionDetail{
				Topic: *t.Topic, Partition: p.Partition,
				Leader: p.Leader, LeaderEpoch: p.LeaderEpoch, Replicas: p.Replicas, ISR: p.ISR, Err: kerr.ErrorForCode(p.ErrorCode),
			}
		}
		if t.AuthorizedOperations != notSaid {
			d.Operations[*t.Topic] = t.AuthorizedOperations
		}
		d.Topics[*t.Topic] = detail
	}
	return d, nil
}
