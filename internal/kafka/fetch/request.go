package fetch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

func (f *fetcher) fetchRequest(claims []*track.Claim) *kmsg.FetchRequest {
	conf := &f.all.conf
	req := kmsg.NewPtrFetchRequest()
	req.MaxWaitMillis = int32(conf.MaxWait.Milliseconds())
	req.MinBytes = conf.MinBytes
	req.MaxBytes = conf.MaxBytes
	req.IsolationLevel = 1 // committed records only
	req.SessionEpoch = -1  // no session: each request says all
	req.Rack = conf.Rack
	for _, c := range claims {
		rp := kmsg.NewFetchRequestTopicPartition()
		rp.Partition = c.ID.Partition
		rp.CurrentLeaderEpoch = c.LeaderEpoch
		rp.FetchOffset = c.At.Offset
		rp.PartitionMaxBytes = c.MaxBytes
		// A topic may come several times: in the order of the partitions.
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.Topic {
			rt := kmsg.NewFetchRequestTopic()
			rt.Topic, rt.TopicID = c.Topic, c.TopicID
			req.Topics = append(req.Topics, rt)
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, rp)
	}
	return req
}

// request sends one request. It returns nil if there is nothing to scan. asking must
// be held.
func (f *fetcher) request(claims []*track.Claim) *kmsg.FetchResponse {
	answer, err := f.all.conf.Request(f.all.ctx, f.broker, f.fetchRequest(claims))
	if f.all.ctx.Err() != nil {
		return nil
	}
	var resp *kmsg.FetchResponse
	if err == nil {
		resp = answer.(*kmsg.FetchResponse)
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		f.failed(claims, err)
		return nil
	}
	f.failures = 0
	return resp
}

// failed is for a whole request: the broker is unreachable, or refuses it. asking must
// be held.
func (f *fetcher) failed(claims []*track.Claim, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	for _, c := range claims {
		c.Pause(time.Now())
		c.ReadFromLeader()
	}
	f.failures++
	f.all.owner.BrokerFailed(f.broker, len(claims), f.failures, err)
	f.all.owner.StaleMetadata()
}

// scanAll passes on what the broker responds.
func (f *fetcher) scanAll(claims []*track.Claim, resp *kmsg.FetchResponse) {
	byName := make(map[track.ID]*track.Claim, len(claims))
	names := map[[16]byte]string{}
	for _, c := range claims {
		byName[c.ID] = c
		names[c.TopicID] = c.Topic
	}
	for i := range resp.Topics {
		for j := range resp.Topics[i].Partitions {
			f.all.owner.Responded(len(resp.Topics[i].Partitions[j].RecordBatches))
		}
	}
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if name == "" {
			name = names[t.TopicID]
		}
		for j := range t.Partitions {
			id := track.ID{Topic: name, Partition: t.Partitions[j].Partition}
			if c := byName[id]; c != nil {
				delete(byName, id)
				f.responded(c, &t.Partitions[j])
			}
		}
	}
	for _, c := range byName {
		f.pause(c, errors.New("the broker's response does not have it"))
	}
}

func (f *fetcher) pause(c *track.Claim, err error) {
	if failures := c.Pause(time.Now()); failures > 0 {
		f.all.owner.Paused(c, failures, err)
	}
}

// replicaPeriod is how long a replica is read from before the leader is asked
// again which one is closest.
const replicaPeriod = 5 * time.Minute

// responded passes on what the broker responds for one partition.
func (f *fetcher) responded(c *track.Claim, got *kmsg.FetchResponseTopicPartition) {
	if err := kerr.ErrorForCode(got.ErrorCode); err != nil {
		if c.Current() {
			f.refused(c, err)
		}
		return
	}
	if got.PreferredReadReplica >= 0 && got.PreferredReadReplica != f.broker {
		c.ReadFrom(got.PreferredReadReplica, time.Now().Add(replicaPeriod), got.HighWatermark)
		return // the response has no records: that replica has them
	}
	c.Responded(got.HighWatermark, got.LastStableOffset, len(got.RecordBatches) > 0)
	f.scan(c, got)
}

// refused decides what an error of one partition means.
func (f *fetcher) refused(c *track.Claim, err error) {
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		if !c.Replica {
			c.OutOfRange()
			return
		}
		c.ReadFromLeader() // the replica may be behind
	case errors.Is(err, kerr.OffsetNotAvailable):
		// A new leader does not know yet how far its log is committed.
	default:
		c.ReadFromLeader()
		f.all.owner.StaleMetadata()
	}
	f.pause(c, fmt.Errorf("fetching from offset %d: %w", c.At.Offset, err))
}
