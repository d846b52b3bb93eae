package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/conn"
	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

var errTopicGone = errors.New("the topic is gone: if it was deleted for good, remove it from " + fieldTopics)

// refreshMetadata finds who leads the partitions.
func (h *housekeeper) refreshMetadata() {
	ctx, cancel := context.WithTimeout(h.ctx, h.conf.TimeoutOverhead)
	defer cancel()
	h.stale.Store(false) // before the request: what becomes stale meanwhile may be missing from the response
	d, err := conn.Describe(ctx, h.client, h.conf.topics)
	if err != nil {
		h.stale.Store(true)
		if h.ctx.Err() == nil {
			h.report.metrics.errors.Incr(1, "metadata")
			if text := fmt.Sprintf("Asking who leads the partitions: %v", err); h.report.metadata.Due(text, time.Now()) {
				h.report.log.Warn(text)
			}
		}
		return
	}
	for _, p := range h.tracker.Partitions() {
		h.updateLeader(p, d.Topics[p.Topic])
	}
}

// updateLeader applies the metadata of a partition. One that is stopped needs its leader
// too, for the lag.
func (h *housekeeper) updateLeader(p *track.Partition, t kadm.TopicDetail) {
	detail, ok := t.Partitions[p.ID.Partition]
	switch {
	case errors.Is(t.Err, kerr.UnknownTopicOrPartition), t.Err == nil && !ok:
		p.NoLeader()
		h.pause(p, "topic_gone", errTopicGone)
		return
	case t.Err != nil:
		h.pause(p, "metadata", fmt.Errorf("asking who leads it: %w", h.conf.explained(t.Err)))
		return
	case t.ID != (kadm.TopicID{}) && [16]byte(t.ID) != p.TopicID:
		p.NoLeader() // it leads a partition of the other topic
		h.report.stop(p, kindRecreated, fmt.Errorf("the topic was deleted and created again (its id was %s and is %s): %s",
			track.TopicIDText(p.TopicID), track.TopicIDText(t.ID), h.conf.afterRecreation(p.Topic)))
		return
	}
	if detail.Err != nil || detail.Leader < 0 {
		h.stale.Store(true)
		p.NoLeader()
		return
	}
	if !p.SetLeader(detail.Leader, detail.LeaderEpoch) {
		h.stale.Store(true) // the response of a broker that is behind
		return
	}
	h.fetchers.Ensure(detail.Leader)
}

// kindRecreated is the kind of error of a topic that replaced another one of its
// name.
const kindRecreated = "topic_recreated"

// errFormer is for a topic that was recreated while nobody read it, where the group
// still has the offsets of the former topic.
func (c *config) errFormer(topic, was, is string) error {
	return fmt.Errorf("the group %s has offsets of another topic of this name (its id was %s and is %s): the topic was deleted and created again, or the offsets were copied from another cluster: %s",
		c.group, was, is, c.afterRecreation(topic))
}

// afterRecreation describes the choices.
func (c *config) afterRecreation(topic string) string {
	return fmt.Sprintf("its offsets start again at 0, and points are distinguished by them, so new points would replace old ones. "+
		"Choose: (1) write to another bucket or measurement and restart; (2) restart with `identity: source` in sentiment_window, where each topic has points of its own; "+
		"before either, stop and delete the offsets of the group %s with kafka-consumer-groups --delete-offsets --topic %s, unless Kafka has done so", c.group, topic)
}

// refreshPolicy stops the partitions of topics that have become compacted.
func (h *housekeeper) refreshPolicy() {
	if h.conf.onCompacted == onCompactedRead {
		return
	}
	ctx, cancel := context.WithTimeout(h.ctx, h.conf.TimeoutOverhead)
	defer cancel()
	compacted, err := compactedTopics(ctx, h.admin, h.conf.topics)
	if err != nil {
		h.report.log.Debugf("Checking whether a topic has become compacted: %v", err)
	}
	for _, name := range compacted {
		for _, p := range h.tracker.Partitions() {
			if p.Topic == name {
				h.report.stop(p, "compacted", errCompacted([]string{name}))
			}
		}
	}
}
