package kafkabatch

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/recordbatch"
)

// endsPeriod is how often the leaders are asked where their logs end. Fetches say
// that too, but there are none while the memory is used up, as in an outage of the
// output: the lag would stand still just when it grows.
const endsPeriod = time.Second

// watchEnds asks each leader by itself: one that does not answer must not keep the
// others from being asked.
func (s *session) watchEnds() {
	asking := map[int32]chan struct{}{}
	ticks := time.NewTicker(endsPeriod)
	defer ticks.Stop()
	for {
		for leader, partitions := range s.byLeader() {
			select {
			case <-asking[leader]:
			default:
				if asking[leader] != nil {
					continue
				}
			}
			done := make(chan struct{})
			asking[leader] = done
			s.wait.Go(func() {
				defer close(done)
				s.askEnds(leader, partitions)
			})
		}
		select {
		case <-s.ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// byLeader returns the partitions of each leader, those of a topic one after the
// other.
func (s *session) byLeader() map[int32][]*partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	byLeader := map[int32][]*partition{}
	for _, p := range s.held() {
		if p.leader >= 0 {
			byLeader[p.leader] = append(byLeader[p.leader], p)
		}
	}
	return byLeader
}

// askEnds asks a leader where what can be read of its partitions ends.
func (s *session) askEnds(leader int32, partitions []*partition) {
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	req.IsolationLevel = 1 // committed records only
	byName := make(map[topicPartition]*partition, len(partitions))
	for _, p := range partitions {
		byName[p.topicPartition] = p
		rp := kmsg.NewListOffsetsRequestTopicPartition()
		rp.Partition = p.partition
		rp.Timestamp = -1 // the end
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != p.topic {
			rt := kmsg.NewListOffsetsRequestTopic()
			rt.Topic = p.topic
			req.Topics = append(req.Topics, rt)
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, rp)
	}
	answer, err := s.client.Broker(int(leader)).Request(ctx, req)
	if s.ctx.Err() != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.endsUnknown(fmt.Errorf("asking broker %d where its logs end: %w", leader, err))
		return
	}
	for _, t := range answer.(*kmsg.ListOffsetsResponse).Topics {
		for _, a := range t.Partitions {
			p := byName[topicPartition{t.Topic, a.Partition}]
			if p == nil {
				continue
			}
			if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
				s.endsUnknown(fmt.Errorf("asking broker %d where partition %d of %s ends: %w", leader, a.Partition, t.Topic, err))
				continue
			}
			p.noteEnd(a.Offset)
		}
	}
}

// endsUnknown notes that an end is not known now: the one before is shown on. What
// is wrong with a broker the fetches say, and they repair it. mu must be held.
func (s *session) endsUnknown(err error) {
	s.stale = true
	s.metrics.errors.Incr(1, "offsets")
	s.log.Debugf("The lag is not up to date: %v", err)
}

// noteEnd takes in where the log ends, as far as it can be read. Answers of fetches
// and of askEnds may overtake each other.
func (p *partition) noteEnd(end int64) {
	p.logEnd, p.logEndKnown = max(p.logEnd, end), true
}

// lag is how many offsets lie between what is acknowledged and the end, if that is
// known.
func (p *partition) lag() (int64, bool) {
	if !p.logEndKnown || !p.begun {
		return 0, false
	}
	return max(0, p.logEnd-p.acked.at.offset), true
}

// lagTime is how long ago the oldest record batch that is not acknowledged was
// written, as far as can be known, 0 without lag.
func (p *partition) lagTime(now time.Time) time.Duration {
	switch lag, ok := p.lag(); {
	case !ok:
		return 0
	case lag == 0:
		p.caughtUp = now
		return 0
	}
	return max(0, now.Sub(p.oldest()))
}

// oldest is about when the oldest record batch that is not acknowledged was
// written. Of one that is not fetched that is not known: it came after the last one
// that is acknowledged was written, and after there was no lag last. Where neither
// is known, it has waited since the partition came at least.
func (p *partition) oldest() time.Time {
	if len(p.acked.spans) > 0 {
		return time.UnixMilli(p.acked.spans[0].end.time)
	}
	oldest := p.caughtUp
	if written := time.UnixMilli(p.acked.at.time); p.acked.at.time >= 0 && written.After(oldest) {
		oldest = written
	}
	if oldest.IsZero() {
		return p.came
	}
	return oldest
}

// writtenAt is when the newest record of a batch was written, in milliseconds. A
// time in the future is not true, nor is -1, which says that there is none: then
// that of the first record counts, or else now, when the batch was fetched.
func writtenAt(h recordbatch.Header, now time.Time) int64 {
	for _, millis := range []int64{h.MaxTimestamp, h.FirstTimestamp} {
		if millis >= 0 && millis <= now.UnixMilli() {
			return millis
		}
	}
	return now.UnixMilli()
}
