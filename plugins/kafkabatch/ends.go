package kafkabatch

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// endsPeriod is how often the leaders are asked where their logs end. Fetches say
// that too, but there are none while the memory is used up, as in an outage of the
// output: the lag would not change just when it grows.
const endsPeriod = time.Second

// endsWatcher asks each leader by itself: one that does not respond must not keep the
// others from being asked.
type endsWatcher struct {
	ctx     context.Context // until which it runs
	conf    *config
	report  *report
	client  *kgo.Client
	tracker *track.Tracker
	stale   func() // the metadata is old
}

func (w *endsWatcher) run() {
	var wait sync.WaitGroup
	defer wait.Wait()
	asking := map[int32]chan struct{}{}
	ticks := time.NewTicker(endsPeriod)
	defer ticks.Stop()
	for {
		for leader, partitions := range w.tracker.ByLeader() {
			select {
			case <-asking[leader]:
			default:
				if asking[leader] != nil {
					continue
				}
			}
			done := make(chan struct{})
			asking[leader] = done
			wait.Go(func() {
				defer close(done)
				w.ask(leader, partitions)
			})
		}
		select {
		case <-w.ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// ask asks a leader where what can be read of its partitions ends.
func (w *endsWatcher) ask(leader int32, partitions []*track.Partition) {
	ctx, cancel := context.WithTimeout(w.ctx, w.conf.TimeoutOverhead)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	req.IsolationLevel = 1 // committed records only
	byName := make(map[track.ID]*track.Partition, len(partitions))
	for _, p := range partitions {
		byName[p.ID] = p
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition = p.ID.Partition
		rp.Timestamp = -1 // the end
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != p.Topic {
			rt := kmsg.NewListOffsetsRequestTopic()
			rt.Topic = p.Topic
			req.Topics = append(req.Topics, rt)
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, rp)
	}
	answer, err := w.client.Broker(int(leader)).Request(ctx, req)
	if w.ctx.Err() != nil {
		return
	}
	if err != nil {
		w.unknown(fmt.Errorf("asking broker %d where its logs end: %w", leader, err))
		return
	}
	for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
		for _, a := range t.Partitions {
			p := byName[track.ID{Topic: t.Topic, Partition: a.Partition}]
			if p == nil {
				continue
			}
			if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
				w.unknown(fmt.Errorf("asking broker %d where partition %d of %s ends: %w", leader, a.Partition, t.Topic, err))
				continue
			}
			p.NoteEnd(a.Offset)
		}
	}
}

// unknown reports that an end is not known now: the last one stays in the gauges. Fetches
// from the same broker log what is wrong with it.
func (w *endsWatcher) unknown(err error) {
	w.stale()
	w.report.metrics.errors.Incr(1, "offsets")
	w.report.log.Debugf("The lag is not up to date: %v", err)
}
