package kafkabatch

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// assign takes the partitions that the group gives to this member, with what the
// group has committed of them. franz-go calls it when they are this member's and
// before it would fetch, and not at the same time as revoke.
func (s *session) assign(_ context.Context, _ *kgo.Client, fetched *kmsg.OffsetFetchResponse) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var added []*partition
	for _, g := range fetched.Groups {
		for _, t := range g.Topics {
			name := t.Topic
			if name == "" {
				name = s.topics.named(t.TopicID)
			}
			known := s.topics[name]
			if known == nil {
				s.log.Errorf("The group %s gave partitions of the topic %q with the id %x, which is not among those to read: they are not read", s.conf.group, name, t.TopicID)
				continue
			}
			for _, c := range t.Partitions {
				key := topicPartition{name, c.Partition}
				if c.ErrorCode != 0 || s.partitions[key] != nil {
					continue // watchGroup hears of the error
				}
				commit := fetchedCommit{offset: max(-1, c.Offset), epoch: c.LeaderEpoch}
				if c.Metadata != nil {
					commit.metadata = *c.Metadata
				}
				p := newPartition(key, commit)
				p.topicID = known.id
				p.maxBytes = s.conf.partitionMaxBytes
				p.came = time.Now()
				s.partitions[key] = p
				added = append(added, p)
				known.note(commit.offset, commit.metadata)
			}
		}
	}
	for _, p := range added {
		p.fresh = !s.topics[p.topic].committed
	}
	s.stale = true // who leads the new ones
	signal(s.attention)
	return nil
}

// revoke gives partitions back. What is acknowledged by now is committed if they
// are still this member's to commit; what is acknowledged later is not.
func (s *session) revoke(taken map[string][]int32, commit bool) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	commits := s.lose(taken)
	if commit && len(commits) > 0 {
		s.commit(commits)
	}
}

// lose ends this member's part in partitions, and returns what is to be committed
// of them. It is one step: a batch that is dequeued, or queued, between the look
// at what was delivered and the end would be missing from a commit that says that
// nothing was.
func (s *session) lose(taken map[string][]int32) (commits []pendingCommit) {
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := map[*partition]bool{}
	for name, numbers := range taken {
		for _, n := range numbers {
			key := topicPartition{name, n}
			p := s.partitions[key]
			if p == nil {
				continue
			}
			gone[p] = true
			delete(s.partitions, key)
			p.lost = true
			if c := s.pending(p, p.clean()); p.started() && (c.at.offset != p.committed || c.mark.clean) {
				commits = append(commits, c)
			}
			s.metrics.forget(p)
		}
	}
	s.queue = s.drop(s.queue, gone)
	s.again = s.drop(s.again, gone)
	return commits
}

// drop takes the batches of partitions that are gone out of a queue.
func (s *session) drop(queue []*batch, gone map[*partition]bool) []*batch {
	return slices.DeleteFunc(queue, func(b *batch) bool {
		if !gone[b.partition] {
			return false
		}
		s.release(b)
		return true
	})
}

// held gives the partitions in a fixed order. mu is held.
func (s *session) held() []*partition {
	return slices.SortedFunc(maps.Values(s.partitions), func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	})
}
