package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// startPartitions finds where to begin, and commits it with a mark that says
// that batches beyond it may be handed on. No batch is handed on before: after a
// crash the commit must tell whose points may be there.
func (s *session) startPartitions() {
	starting := s.in(phaseStart)
	if len(starting) == 0 {
		return
	}
	defer s.done(starting)
	first, last := s.limits(starting)
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	var commits []pendingCommit
	for _, p := range starting {
		if p.lost || p.phase != phaseStart || !s.place(p, first, last) {
			continue
		}
		commits = append(commits, s.pending(p, false))
	}
	s.mu.Unlock()
	s.commit(commits)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range starting {
		switch {
		case p.lost || p.phase != phaseStart:
		case !p.marked:
			p.pause(time.Now()) // committed has said why
		case p.next.epoch >= 0:
			p.phase, p.failures = phaseEpoch, 0
		default:
			p.phase, p.failures = phaseFetch, 0
		}
	}
}

// place sets the first position of a partition. It is not ok if the partition
// cannot begin, or is marked already. mu is held.
func (s *session) place(p *partition, first, last kadm.ListedOffsets) bool {
	m, ok := parseMark(p.commit.metadata)
	id := topicIDText(p.topicID)
	switch former := s.topics[p.topic].former; {
	case ok && !m.of(id):
		s.halt(p, kindRecreated, s.errFormer(p.topic, m.topic, id))
		return false
	case p.commit.offset < 0 && former != "":
		// Read alone, it would write its points among those of the former topic.
		s.halt(p, kindRecreated, s.errFormer(p.topic, former, id))
		return false
	}
	if p.commit.offset >= 0 {
		if ok && !m.allows(s.conf.fingerprint) {
			s.halt(p, "fingerprint", s.conf.errFingerprint(m, p.commit.offset))
			return false
		}
		if ok && m.clean {
			p.unsure = 0
		}
		p.begin(position{offset: p.commit.offset, epoch: p.commit.epoch, time: -1})
		p.marked = ok && !m.clean
		return !p.marked
	}
	listed, which := first, "first"
	if p.fresh {
		switch s.conf.startOffset {
		case startLatest:
			listed, which = last, "last"
		case startCommitted:
			s.halt(p, "no_commit", fmt.Errorf("the group %s has committed no offset and %s is %s: set its offset with kafka-consumer-groups --reset-offsets, or %s to where to begin",
				s.conf.group, fieldStartOffset, startCommitted, fieldStartOffset))
			return false
		}
	}
	at, ok := listed.Lookup(p.topic, p.partition)
	if !ok {
		at.Err = errors.New("the broker does not answer for it")
	}
	if at.Err != nil {
		s.stale = true
		s.trouble(p, "offsets", fmt.Errorf("asking for the %s offset: %w", which, at.Err))
		return false
	}
	p.begin(position{offset: at.Offset, epoch: -1, time: -1})
	return true
}

// limits asks for the first and the last offsets of the topics of partitions
// that have no commit.
func (s *session) limits(partitions []*partition) (first, last kadm.ListedOffsets) {
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	topics := map[string]bool{}
	var atStart, atEnd []string
	for _, p := range partitions {
		if p.commit.offset >= 0 || topics[p.topic] {
			continue
		}
		topics[p.topic] = true
		atStart = append(atStart, p.topic)
		if s.conf.startOffset == startLatest {
			atEnd = append(atEnd, p.topic)
		}
	}
	// What fails is missing from the answers, and tried again.
	if len(atStart) > 0 {
		first, _ = s.admin.ListStartOffsets(ctx, atStart...)
	}
	if len(atEnd) > 0 {
		last, _ = s.admin.ListCommittedOffsets(ctx, atEnd...)
	}
	return first, last
}

// checkEpochs asks new leaders whether their log goes as far as what was read
// from the leader before. If not, records that were read are gone, and others
// may come in their place.
func (s *session) checkEpochs() {
	checking := s.in(phaseEpoch)
	if len(checking) == 0 {
		return
	}
	defer s.done(checking)
	byLeader := map[int32][]*partition{}
	s.mu.Lock()
	for _, p := range checking {
		if p.leader >= 0 {
			byLeader[p.leader] = append(byLeader[p.leader], p)
		}
	}
	s.mu.Unlock()
	for leader, partitions := range byLeader {
		s.checkEpochsAt(leader, partitions)
	}
}

func (s *session) checkEpochsAt(leader int32, partitions []*partition) {
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	req := kmsg.NewPtrOffsetForLeaderEpochRequest()
	req.ReplicaID = -1
	byName := map[topicPartition]*partition{}
	s.mu.Lock()
	for _, p := range partitions {
		byName[p.topicPartition] = p
		rp := kmsg.NewOffsetForLeaderEpochRequestTopicPartition()
		rp.Partition = p.partition
		rp.CurrentLeaderEpoch = p.leaderEpoch
		rp.LeaderEpoch = p.next.epoch
		rt := kmsg.NewOffsetForLeaderEpochRequestTopic()
		rt.Topic = p.topic
		rt.Partitions = append(rt.Partitions, rp)
		req.Topics = append(req.Topics, rt)
	}
	s.mu.Unlock()
	answer, err := s.client.Broker(int(leader)).Request(ctx, mergeEpochTopics(req))
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		for _, t := range answer.(*kmsg.OffsetForLeaderEpochResponse).Topics {
			for _, a := range t.Partitions {
				name := topicPartition{t.Topic, a.Partition}
				if p := byName[name]; p != nil && p.phase == phaseEpoch && !p.lost {
					delete(byName, name)
					s.judgeEpoch(p, a)
				}
			}
		}
		err = errors.New("the broker does not answer for it")
	}
	for _, p := range byName {
		if p.phase == phaseEpoch && s.ctx.Err() == nil {
			s.stale = true
			s.trouble(p, "leader_epoch", fmt.Errorf("asking its leader where the epoch %d ends: %w", p.next.epoch, err))
		}
	}
}

// mergeEpochTopics joins the entries of one topic: a broker may take only one.
func mergeEpochTopics(req *kmsg.OffsetForLeaderEpochRequest) *kmsg.OffsetForLeaderEpochRequest {
	merged := req.Topics[:0]
	for _, t := range req.Topics { // in the order of their names
		if n := len(merged); n > 0 && merged[n-1].Topic == t.Topic {
			merged[n-1].Partitions = append(merged[n-1].Partitions, t.Partitions...)
			continue
		}
		merged = append(merged, t)
	}
	req.Topics = merged
	return req
}

// judgeEpoch takes in where the leader's log of the epoch ends. mu is held.
func (s *session) judgeEpoch(p *partition, a kmsg.OffsetForLeaderEpochResponseTopicPartition) {
	if err := kerr.ErrorForCode(a.ErrorCode); err != nil {
		s.stale = true
		s.trouble(p, "leader_epoch", fmt.Errorf("asking its leader where the epoch %d ends: %w", p.next.epoch, err))
		return
	}
	if a.EndOffset >= p.next.offset {
		p.phase, p.failures = phaseFetch, 0
		return
	}
	where := fmt.Sprintf("offsets from %d to %d", max(0, a.EndOffset), p.next.offset-1)
	if a.EndOffset < 0 {
		where = fmt.Sprintf("what was written under the leader epoch %d, up to offset %d at most", p.next.epoch, p.next.offset-1)
	}
	s.halt(p, "truncated", errTruncated(where, s.conf.group))
}

func errTruncated(where, group string) error {
	return fmt.Errorf("the log was cut off: %s were read and are gone from it, and others may come in their place, as after an unclean leader election. "+
		"What was written of them is still there. Remove it, or accept it, and set the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets to where to go on", where, group)
}

// checkRanges finds out what became of offsets that the log does not have.
func (s *session) checkRanges() {
	checking := s.in(phaseRange)
	if len(checking) == 0 {
		return
	}
	defer s.done(checking)
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	topics := map[string]bool{}
	var names []string
	for _, p := range checking {
		if !topics[p.topic] {
			topics[p.topic] = true
			names = append(names, p.topic)
		}
	}
	first, err := s.admin.ListStartOffsets(ctx, names...)
	last, err2 := s.admin.ListEndOffsets(ctx, names...)
	err = errors.Join(err, err2)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range checking {
		if p.phase != phaseRange || p.lost || s.ctx.Err() != nil {
			continue
		}
		start, ok := first.Lookup(p.topic, p.partition)
		end, ok2 := last.Lookup(p.topic, p.partition)
		if !ok || !ok2 || start.Err != nil || end.Err != nil {
			s.stale = true
			s.trouble(p, "offsets", fmt.Errorf("asking where its log begins and ends: %w", errors.Join(err, start.Err, end.Err)))
			continue
		}
		s.judgeRange(p, start.Offset, end.Offset)
	}
}

// judgeRange takes in where the log begins and ends. mu is held.
func (s *session) judgeRange(p *partition, start, end int64) {
	gone := start - p.next.offset
	switch {
	case p.next.offset > end:
		s.halt(p, "truncated", errTruncated(fmt.Sprintf("offsets from %d to %d", end, p.next.offset-1), s.conf.group))
	case gone <= 0:
		p.phase = phaseFetch // it changed in between
		s.trouble(p, "out_of_range", fmt.Errorf("the broker does not have offset %d, though its log is from %d to %d", p.next.offset, start, end))
	case s.conf.onLostRecords == onLostEarliest:
		s.metrics.lostRecords.Incr(gone)
		s.logAt(p, p.next.offset).Errorf("Partition %d of %s goes on at offset %d: the log has lost offsets %d to %d, %d records at most, before they were read",
			p.partition, p.topic, start, p.next.offset, start-1, gone)
		p.next = position{offset: start, epoch: -1, time: -1}
		p.acked.skip(p.next)
		p.phase, p.failures = phaseFetch, 0
	default:
		s.halt(p, "records_lost", fmt.Errorf("the log begins at offset %d: offsets %d to %d, %d records at most, were removed by retention before they were read. "+
			"Choose: (1) restart with `%s: %s` to go on with what is left; (2) set the offset of the group %s in this partition with kafka-consumer-groups --reset-offsets",
			start, p.next.offset, start-1, gone, fieldOnLostRecords, onLostEarliest, s.conf.group))
	}
}
