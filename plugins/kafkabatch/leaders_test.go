package kafkabatch

import (
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/tests/testenv"
)

// epochs answers the requests for where an epoch ends.
func epochs(c *testenv.Cluster, end func(asked kmsg.OffsetForLeaderEpochRequestTopicPartition) int64) {
	c.Fake.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.OffsetForLeaderEpochRequest)
		resp := req.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		for _, t := range req.Topics {
			rt := kmsg.NewOffsetForLeaderEpochResponseTopic()
			rt.Topic = t.Topic
			for _, p := range t.Partitions {
				rp := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
				rp.Partition, rp.LeaderEpoch, rp.EndOffset = p.Partition, p.LeaderEpoch, end(p)
				rt.Partitions = append(rt.Partitions, rp)
			}
			resp.Topics = append(resp.Topics, rt)
		}
		return resp, nil, true
	})
}

// A new leader must be asked whether it has what was read, and read from then on.
func TestALeaderThatChanges(t *testing.T) {
	for name, cut := range map[string]bool{"whole": false, "cut off": true} {
		t.Run(name, func(t *testing.T) {
			c := testenv.FakeKafka(t, kfake.NumBrokers(2), kfake.Ports(0, 0))
			topic := c.Topic(t, 1)
			produce(t, c, topic, 0, 3, 2)
			r := connected(t, c, topic, "")
			r.must().done(t)
			r.must().done(t)
			epochs(c, func(asked kmsg.OffsetForLeaderEpochRequestTopicPartition) int64 {
				if cut {
					return 3
				}
				return 5
			})
			leader := c.Fake.LeaderFor(topic, 0)
			if err := c.Fake.MoveTopicPartition(topic, 0, 1-leader); err != nil {
				t.Fatal(err)
			}
			produce(t, c, topic, 0, 4)
			if cut {
				wants(t, r.stopped(topic, 0), "cut off", "offsets from 3 to 4", "unclean leader election", "--reset-offsets")
				return
			}
			if b := r.must(); b.meta(contract.KafkaOffset) != 5 {
				t.Errorf("the batch at %v comes from the new leader, want that at 5", b.meta(contract.KafkaOffset))
			}
		})
	}
}

// With a rack, batches must come from the replica that the leader names, and
// from the leader again where that replica fails.
func TestTheClosestReplica(t *testing.T) {
	c := testenv.FakeKafka(t, kfake.NumBrokers(2), kfake.Ports(0, 0))
	topic := c.Topic(t, 1)
	produce(t, c, topic, 0, 3)
	leader := c.Fake.LeaderFor(topic, 0)
	c.Fake.SetFollowers(topic, 0, []int32{1 - leader})
	var followed, fails atomic.Bool
	c.Fake.ControlKey(int16(kmsg.Fetch), func(kreq kmsg.Request) (kmsg.Response, error, bool) {
		c.Fake.KeepControl()
		req := kreq.(*kmsg.FetchRequest)
		if req.Rack != "near" {
			return nil, nil, false
		}
		resp := req.ResponseKind().(*kmsg.FetchResponse)
		rp := kmsg.NewFetchResponseTopicPartition()
		switch {
		case c.Fake.CurrentNode() != leader && !fails.Load():
			followed.Store(true)
			return nil, nil, false
		case c.Fake.CurrentNode() != leader:
			rp.ErrorCode = kerr.OffsetOutOfRange.Code // it is behind
		case fails.Load():
			return nil, nil, false
		default:
			rp.PreferredReadReplica = 1 - leader
		}
		rt := kmsg.NewFetchResponseTopic()
		rt.Topic, rt.TopicID = req.Topics[0].Topic, req.Topics[0].TopicID
		rt.Partitions = append(rt.Partitions, rp)
		resp.Topics = append(resp.Topics, rt)
		return resp, nil, true
	})
	r := connected(t, c, topic, "rack_id: near")
	r.must().done(t)
	if !followed.Load() {
		t.Error("the batch comes from the leader")
	}
	fails.Store(true)
	produce(t, c, topic, 0, 2)
	if b := r.must(); b.meta(contract.KafkaOffset) != 3 {
		t.Errorf("the batch at %v comes, want that at 3", b.meta(contract.KafkaOffset))
	}
}
