package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// checkEpochs asks new leaders whether their log goes as far as what was read
// from the leader before. If not, records that were read are gone, and others
// may come in their place.
func (h *housekeeper) checkEpochs() {
	checking := h.claim(track.Epoch)
	if len(checking) == 0 {
		return
	}
	defer h.release(checking)
	byLeader := map[int32][]*track.Claim{}
	for _, c := range checking {
		byLeader[c.Leader] = append(byLeader[c.Leader], c)
	}
	for leader, claims := range byLeader {
		h.checkEpochsAt(leader, claims)
	}
}

func (h *housekeeper) checkEpochsAt(leader int32, claims []*track.Claim) {
	ctx, cancel := context.WithTimeout(h.ctx, h.conf.TimeoutOverhead)
	defer cancel()
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	byName := map[track.ID]*track.Claim{}
	for _, c := range claims { // in the order of their topics
		byName[c.ID] = c
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.Partition = c.ID.Partition
		rp.CurrentLeaderEpoch = c.LeaderEpoch
		rp.LeaderEpoch = c.At.Epoch
		// A broker may accept a topic once only.
		if n := len(req.Topics); n == 0 || req.Topics[n-1].Topic != c.Topic {
			rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
			rt.Topic = c.Topic
			req.Topics = append(req.Topics, rt)
		}
		rt := &req.Topics[len(req.Topics)-1]
		rt.Partitions = append(rt.Partitions, rp)
	}
	answer, err := h.client.Broker(int(leader)).Request(ctx, req)
	if err == nil {
		for _, t := range answer.(*kmsg.OffsetForLeaderEpochResponse).Topics {
			for _, a := range t.Partitions {
				id := track.ID{Topic: t.Topic, Partition: a.Partition}
				if c := byName[id]; c != nil {
					delete(byName, id)
					h.judgeEpoch(c, a)
				}
			}
		}
		err = errNoResponse
	}
	for _, c := range byName {
		if h.ctx.Err() == nil {
			h.epochUnknown(c, err)
		}
	}
}

func (h *housekeeper) epochUnknown(c *track.Claim, err error) {
	h.pause(c.Partition, "leader_epoch", fmt.Errorf("asking its leader where the epoch %d ends: %w", c.At.Epoch, err))
}

// judgeEpoch decides what the end of the epoch in the leader's log means.
func (h *housekeeper) judgeEpoch(c *track.Claim, a kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
		h.epochUnknown(c, err)
		return
	}
	if a.EndOffset >= c.At.Offset {
		c.Fetchable()
		return
	}
	where := fmt.Sprintf("offsets from %d to %d", max(0, a.EndOffset), c.At.Offset-1)
	if a.EndOffset < 0 {
		where = fmt.Sprintf("what was written under the leader epoch %d, up to offset %d at most", c.At.Epoch, c.At.Offset-1)
	}
	h.report.stop(c.Partition, "truncated", errTruncated(where, h.conf.group))
}

func errTruncated(where, group string) error {
	return fmt.Errorf("the log was cut off: %s were read and are gone from it, and others may come in their place, as after an unclean leader election. "+
		"What was written of them is still there. Remove it, or accept it, and set the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets to where to continue", where, group)
}

// checkRanges finds out what became of offsets that the log does not have.
func (h *housekeeper) checkRanges() {
	checking := h.claim(track.Range)
	if len(checking) == 0 {
		return
	}
	defer h.release(checking)
	ctx, cancel := context.WithTimeout(h.ctx, h.conf.TimeoutOverhead)
	defer cancel()
	topics := topicsOf(checking)
	var first, last listed
	first.offsets, first.err = h.admin.ListStartOffsets(ctx, topics...)
	last.offsets, last.err = h.admin.ListEndOffsets(ctx, topics...)
	for _, c := range checking {
		if h.ctx.Err() != nil {
			return
		}
		start, err := first.of(c.ID)
		end, err2 := last.of(c.ID)
		if err = errors.Join(err, err2); err != nil {
			h.pause(c.Partition, "offsets", fmt.Errorf("asking where its log begins and ends: %w", err))
			continue
		}
		h.judgeRange(c, start, end)
	}
}

// judgeRange decides what the beginning and the end of the log mean.
func (h *housekeeper) judgeRange(c *track.Claim, start, end int64) {
	next := c.At.Offset
	lost := start - next
	switch {
	case next > end:
		h.report.stop(c.Partition, "truncated", errTruncated(fmt.Sprintf("offsets from %d to %d", end, next-1), h.conf.group))
	case lost <= 0: // it changed in between
		if failures := c.FetchableAfter(time.Now()); failures > 0 {
			h.report.paused(c.Partition, "out_of_range", failures, fmt.Errorf("the broker does not have offset %d, though its log is from %d to %d", next, start, end))
		}
	case h.conf.onLostRecords == onLostEarliest:
		if c.FetchableFrom(track.Position{Offset: start, Epoch: -1, Time: -1}) {
			h.report.metrics.lostRecords.Incr(lost)
			h.report.at(c.ID, next).Errorf("Partition %d of %s continues at offset %d: the log has lost offsets %d to %d, %d records at most, before they were read",
				c.ID.Partition, c.Topic, start, next, start-1, lost)
		}
	default:
		h.report.stop(c.Partition, "records_lost", fmt.Errorf("the log begins at offset %d: offsets %d to %d, %d records at most, were removed by retention before they were read. "+
			"Choose: (1) restart with `%s: %s` to continue with what is left; (2) set the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets",
			start, next, start-1, lost, fieldOnLostRecords, onLostEarliest, h.conf.group))
	}
}
