package fetch

import (
	"bytes"
	"context"
	"time"

	"github.com/brandpulse/brandpulse-connect/internal/delivery"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

const leader = 1

// tracked is a tracker of partitions of the topic t, which are fetched from an offset
// of a leader.
func tracked(partitions int, from int64) *track.Tracker {
	tracker := track.New(track.Config{
		Topics: track.Topics{"t": {}}, Budget: delivery.NewBudget(1 << 40), Limit: 1 << 40, PartitionMaxBytes: 1 << 20,
	})
	var assigned []track.Assigned
	for i := range partitions {
		assigned = append(assigned, track.Assigned{ID: track.ID{Topic: "t", Partition: int32(i)}, Commit: track.FetchedCommit{Offset: from}})
	}
	now := time.Now()
	tracker.Assign(assigned, now)
	due, _ := tracker.Due(track.Start, track.AnyBroker, now)
	claims := tracker.Claim(due, now)
	for _, c := range claims {
		c.Begin(track.Position{Offset: from, Epoch: -1, Time: -1}, true, false)
		c.Started(now)
		c.SetLeader(leader, 0)
	}
	tracker.Release(claims)
	return tracker
}

// enqueuer is an owner that enqueues what is fetched, and remembers the rest.
type enqueuer struct {
	stopped, corrupt []Fault
}

func (e *enqueuer) Deliver(c *track.Claim, b Batch) error {
	if !c.Enqueue(&track.Batch{Header: b.Header, Bytes: bytes.Clone(b.Bytes)}, b.End) {
		return ErrNotFetched
	}
	return nil
}

func (e *enqueuer) Stop(c *track.Claim, at Fault) {
	c.Stop(at.Err)
	e.stopped = append(e.stopped, at)
}
func (e *enqueuer) Corrupt(_ *track.Claim, at Fault)    { e.corrupt = append(e.corrupt, at) }
func (e *enqueuer) Aborted(int)                         {}
func (e *enqueuer) Responded(int)                       {}
func (e *enqueuer) Paused(*track.Claim, int, error)     {}
func (e *enqueuer) BrokerFailed(int32, int, int, error) {}
func (e *enqueuer) StaleMetadata()                      {}

// alone is a fetcher without a broker.
func alone(tracker *track.Tracker, owner Owner) *fetcher {
	conf := Config{Room: func(context.Context) error { return nil }, MaxBatchBytes: 1 << 20, PartitionMaxBytes: 1 << 20}
	f := &fetcher{
		brokerShared: &brokerShared{wake: make(chan struct{}, 1)},
		all:          New(context.Background(), conf, tracker, owner),
		broker:       leader,
	}
	f.all.brokers[leader] = f.brokerShared // nobody else starts
	return f
}
