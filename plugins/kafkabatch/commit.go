package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// commitTimeout bounds a commit. franz-go closes the connection when it is over,
// so it is no shorter than a request may reasonably take.
const commitTimeout = 10 * time.Second

// committer commits what is acknowledged.
type committer struct {
	conf    *config
	report  *report
	client  *kgo.Client
	tracker *track.Tracker

	// mu keeps what was read of a partition to commit from being committed after
	// something newer. It is locked before the tracker's mutex, never after.
	mu sync.Mutex
}

func (c *committer) run(ctx context.Context) {
	ticks := time.NewTicker(c.conf.commitPeriod)
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		c.acknowledged()
	}
}

// acknowledged commits what was acknowledged.
func (c *committer) acknowledged() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit(c.tracker.Acknowledged())
}

// announce commits the beginnings of partitions: batches beyond them may be delivered.
func (c *committer) announce(claims []*track.Claim) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.commit(c.tracker.Beginnings(claims))
}

// revoke ends this member's part in partitions, and returns those that it had. With
// commit, it commits what is acknowledged of them.
func (c *committer) revoke(taken []track.ID, commit bool) (lost []track.ID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lost, commits := c.tracker.Revoke(taken)
	if commit {
		c.commit(commits)
	}
	return lost
}

// commit returns when the group has responded, or cannot. What fails is left to
// the next time: commits only say where to continue from, and a replay is delivered
// as it was the first time. It must be called with mu held.
func (c *committer) commit(commits []track.Commit) {
	if len(commits) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), commitTimeout)
	defer cancel()
	offsets := map[string]map[int32]kgo.EpochOffset{}
	byName := map[track.ID]track.Commit{}
	for _, one := range commits {
		id := one.Partition.ID
		if offsets[id.Topic] == nil {
			offsets[id.Topic] = map[int32]kgo.EpochOffset{}
		}
		offsets[id.Topic][id.Partition] = kgo.EpochOffset{Epoch: one.At.Epoch, Offset: one.At.Offset}
		byName[id] = one
	}
	ctx = kgo.PreCommitFnContext(ctx, func(req *kmsg.OffsetCommitRequest) error {
		for _, t := range req.Topics {
			for i := range t.Partitions {
				text := byName[track.ID{Topic: t.Topic, Partition: t.Partitions[i].Partition}].Metadata.String()
				t.Partitions[i].Metadata = &text
			}
		}
		return nil
	})
	c.client.CommitOffsetsSync(ctx, offsets, func(_ *kgo.Client, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
		c.committed(byName, req, resp, err)
	})
}

// committed handles the response to a commit.
func (c *committer) committed(commits map[track.ID]track.Commit, req *kmsg.OffsetCommitRequest, resp *kmsg.OffsetCommitResponse, err error) {
	if err != nil {
		c.failed(len(commits), err)
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
			one, ok := commits[track.ID{Topic: name, Partition: answer.Partition}]
			if !ok {
				continue
			}
			if e := kerr.ErrorForCode(answer.ErrorCode); e != nil {
				failed++
				err = fmt.Errorf("partition %d of %s: %w", answer.Partition, name, e)
				continue
			}
			c.tracker.Committed(one)
		}
	}
	if failed > 0 {
		c.failed(failed, err)
		return
	}
	c.report.metrics.commits.Incr(1)
}

func (c *committer) failed(partitions int, err error) {
	c.report.metrics.errors.Incr(1, "commit")
	for _, passing := range []error{kerr.RebalanceInProgress, kerr.IllegalGeneration, kerr.UnknownMemberID, kerr.StaleMemberEpoch} {
		if errors.Is(err, passing) {
			c.report.log.Debugf("Not committing %d partitions during a rebalance: %v", partitions, err)
			return
		}
	}
	text := fmt.Sprintf("Committing the offsets of %d partitions to the group %s: %v", partitions, c.conf.group, c.conf.explained(err))
	if c.report.commits.Due(text, time.Now()) {
		c.report.log.Warn(text)
	}
}
