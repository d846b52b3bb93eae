package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// commitTimeout bounds a commit. franz-go closes the connection when it is over,
// so it is no shorter than a request may reasonably take.
const commitTimeout = 10 * time.Second

// pendingCommit is what is to be committed of a partition.
type pendingCommit struct {
	partition *partition
	at        position
	mark      mark
}

func (s *session) pending(p *partition, clean bool) pendingCommit {
	return pendingCommit{p, p.committable(), mark{s.conf.fingerprint, clean, topicIDText(p.topicID)}}
}

// commitLoop commits what was acknowledged.
func (s *session) commitLoop() {
	ticks := time.NewTicker(s.conf.commitPeriod)
	defer ticks.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-ticks.C:
		}
		s.commitAcknowledged()
	}
}

func (s *session) commitAcknowledged() {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	var commits []pendingCommit
	for _, p := range s.held() {
		if p.started() && p.committable().offset > p.committed {
			commits = append(commits, s.pending(p, false))
		}
	}
	s.mu.Unlock()
	s.commit(commits)
}

// commit returns when the group has answered, or cannot. What fails is left to
// the next time: commits only say where to go on from, and what is read twice is
// the same at the second time. commitMu is held.
func (s *session) commit(commits []pendingCommit) {
	if len(commits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	offsets := map[string]map[int32]kgo.EpochOffset{}
	marks := map[topicPartition]string{}
	byName := map[topicPartition]pendingCommit{}
	for _, c := range commits {
		name := c.partition.topicPartition
		if offsets[name.topic] == nil {
			offsets[name.topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[name.topic][name.partition] = kgo.EpochOffset{Epoch: c.at.epoch, Offset: c.at.offset}
		marks[name] = c.mark.String()
		byName[name] = c
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for _, t := range req.Topics {
			for i := range t.Partitions {
				text := marks[topicPartition{t.Topic, t.Partitions[i].Partition}]
				t.Partitions[i].Metadata = &text
			}
		}
		return nil
	})
	s.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		s.committed(byName, req, resp, err)
	})
}

// committed takes in the answer to a commit.
func (s *session) committed(commits map[topicPartition]pendingCommit, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.commitFailed(len(commits), err)
		return
	}
	names := map[[16]byte]string{}
	for _, t := range req.Topics {
		names[t.TopicID] = t.Topic
	}
	var failed int
	for _, t := range resp.Topics {
		name := t.Topic
		if name == "" {
			name = names[t.TopicID]
		}
		for _, answer := range t.Partitions {
			c, ok := commits[topicPartition{name, answer.Partition}]
			if !ok {
				continue
			}
			if e := kerr.ErrorForCode(answer.ErrorCode); e != nil {
				failed++
				err = fmt.Errorf("partition %d of %s: %w", answer.Partition, name, e)
				continue
			}
			c.partition.committed = c.at.offset
			c.partition.marked = true
			s.topics[name].committed = true
		}
	}
	if failed > 0 {
		s.commitFailed(failed, err)
		return
	}
	s.metrics.commits.Incr(1)
}

func (s *session) commitFailed(partitions int, err error) {
	s.metrics.errors.Incr(1, "commit")
	for _, passing := range []error{kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch} {
		if errors.Is(err, passing) {
			s.log.Debugf("Not committing %d partitions while the group shares them out anew: %v", partitions, err)
			return
		}
	}
	text := fmt.Sprintf("Committing the offsets of %d partitions to the group %s: %v", partitions, s.conf.group, s.conf.explained(err))
	if s.commitGrumble.due(text, time.Now()) {
		s.log.Warn(text)
	}
}
