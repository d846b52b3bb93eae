package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

const (
	keeperPeriod   = time.Second
	minMetadataAge = 250 * time.Millisecond // however often something asks for it
	policyPeriod   = time.Hour              // between looks at cleanup.policy
)

var errTopicGone = errors.New("the topic is gone: if it was deleted for good, take it out of " + fieldTopics)

// keep looks after the partitions that need more than the next fetch.
func (s *session) keep() {
	lastPolicy := time.Now()
	var lastMetadata time.Time
	for {
		now := time.Now()
		if s.metadataDue(now, lastMetadata) {
			s.refreshMetadata()
			lastMetadata = time.Now()
		}
		if now.Sub(lastPolicy) > policyPeriod {
			s.refreshPolicy()
			lastPolicy = now
		}
		s.startPartitions()
		s.checkEpochs()
		s.checkRanges()
		s.show(now)
		timer := time.NewTimer(s.nextLook(time.Now(), lastMetadata))
		select {
		case <-s.ctx.Done():
			timer.Stop()
			return
		case <-s.attention:
			timer.Stop()
			// A storm of failures must not become one of requests.
			if !sleep(s.ctx, 10*time.Millisecond) {
				return
			}
		case <-timer.C:
		}
	}
}

// nextLook is how long the keeper has nothing to do, unless it is woken.
func (s *session) nextLook(now, lastMetadata time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait := keeperPeriod
	if s.stale {
		wait = min(wait, lastMetadata.Add(minMetadataAge).Sub(now))
	}
	for _, p := range s.partitions {
		switch p.phase {
		case phaseStart, phaseEpoch, phaseRange:
			if !p.busy {
				wait = min(wait, p.rest.Sub(now))
			}
		}
	}
	return max(wait, 10*time.Millisecond)
}

func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

func (s *session) metadataDue(now, last time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.partitions) == 0 {
		return false
	}
	age := now.Sub(last)
	return age >= s.conf.metadataMaxAge || s.stale && age >= minMetadataAge
}

// show sets the gauges, and repeats what an operator must know.
func (s *session) show(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.partitions {
		s.metrics.show(p, now)
		if p.phase == phaseStop {
			s.complain(p)
		}
	}
	s.metrics.inFlight.Set(s.budget.InUse())
}

// in gives the partitions of a phase whose rest is over, as busy: done gives
// them free.
func (s *session) in(ph phase) []*partition {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	var found []*partition
	for _, p := range s.held() {
		if p.phase == ph && !p.busy && !p.rest.After(now) {
			p.busy = true
			found = append(found, p)
		}
	}
	return found
}

func (s *session) done(partitions []*partition) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range partitions {
		p.busy = false
	}
	if len(partitions) > 0 {
		s.wakeFetchers()
	}
}

// refreshMetadata learns who leads the partitions.
func (s *session) refreshMetadata() {
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	d, err := describe(ctx, s.client, s.conf.topics)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.stale = true
		if s.ctx.Err() == nil {
			s.metrics.errors.Incr(1, "metadata")
			if text := fmt.Sprintf("Asking who leads the partitions: %v", err); s.metadataGrumble.due(text, time.Now()) {
				s.log.Warn(text)
			}
		}
		return
	}
	s.stale = false
	for _, p := range s.held() {
		s.updateLeader(p, d.topics[p.topic])
	}
	s.wakeFetchers()
}

// kindRecreated is the kind of error of a topic that took the place of another
// one of its name.
const kindRecreated = "topic_recreated"

// errFormer is for a topic that was created again while nobody read it, and the
// group still has the offsets of the one before.
func (s *session) errFormer(topic, was, is string) error {
	return fmt.Errorf("the group %s has offsets of another topic of this name (its id was %s and is %s): the topic was deleted and created again, or the offsets were copied from another cluster: %s",
		s.conf.group, was, is, s.afterRecreation(topic))
}

// afterRecreation says how to go on.
func (s *session) afterRecreation(topic string) string {
	return fmt.Sprintf("its offsets begin anew, and with them the times that points are told apart by. "+
		"Choose: (1) write to another bucket or measurement and restart; (2) restart with `identity: source` in sentiment_window, where each topic has points of its own; "+
		"before either, stop and delete the offsets of the group %s with kafka-consumer-groups --delete-offsets --topic %s, unless Kafka has done so", s.conf.group, topic)
}

// updateLeader takes in what the metadata says of a partition. mu is held.
func (s *session) updateLeader(p *partition, t kadm.TopicDetail) {
	if p.phase == phaseStop {
		return
	}
	detail, ok := t.Partitions[p.partition]
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition), t.Err == nil && !ok:
		s.stale = true
		p.leader = -1
		s.trouble(p, "topic_gone", errTopicGone)
		return
	case t.Err != nil:
		s.stale = true
		s.trouble(p, "metadata", fmt.Errorf("asking who leads it: %w", s.conf.explained(t.Err)))
		return
	case t.ID != (kadm.TopicID{}) && [16]byte(t.ID) != p.topicID:
		s.halt(p, kindRecreated, fmt.Errorf("the topic was deleted and created again (its id was %s and is %s): %s",
			topicIDText(p.topicID), topicIDText(t.ID), s.afterRecreation(p.topic)))
		return
	}
	if detail.Err != nil || detail.Leader < 0 {
		s.stale = true
		p.leader = -1
		return
	}
	if detail.LeaderEpoch >= 0 && detail.LeaderEpoch < p.leaderEpoch {
		s.stale = true // the answer of a broker that is behind
		return
	}
	if detail.LeaderEpoch > p.leaderEpoch && p.leaderEpoch >= 0 && p.phase == phaseFetch && p.next.epoch >= 0 && !p.busy {
		p.phase = phaseEpoch
	} else if detail.LeaderEpoch > p.leaderEpoch && p.leaderEpoch >= 0 && p.busy {
		p.recheck = true // whoever is busy with it asks next
	}
	p.leader, p.leaderEpoch = detail.Leader, detail.LeaderEpoch
	s.ensureFetcher(p.leader)
}

// refreshPolicy stops the partitions of topics that have become compacted.
func (s *session) refreshPolicy() {
	ctx, cancel := context.WithTimeout(s.ctx, s.conf.timeoutOverhead)
	defer cancel()
	compacted, err := compactedTopics(ctx, s.admin, s.conf.topics)
	if err != nil {
		s.log.Debugf("Looking whether a topic has become compacted: %v", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range compacted {
		for _, p := range s.held() {
			if p.topic == name && p.phase != phaseStop {
				s.halt(p, "compacted", errCompacted([]string{name}))
			}
		}
	}
}
