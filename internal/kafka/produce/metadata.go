package produce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	metadataGap     = 200 * time.Millisecond // between requests, however often they are wanted
	metadataTimeout = 10 * time.Second
	topicIdle       = 5 * time.Minute // after which an unused topic is forgotten
)

// refresh asks for metadata soon.
func (p *Producer) refresh() {
	select {
	case p.stale <- struct{}{}:
	default:
	}
}

// watch keeps leaders and partitions up to date.
func (p *Producer) watch() {
	timer := time.NewTimer(p.conf.MetadataMaxAge)
	defer timer.Stop()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.stale:
		case <-timer.C:
		}
		if names := p.inUse(time.Now()); len(names) > 0 {
			p.update(names)
		}
		timer.Reset(metadataGap)
		select {
		case <-p.ctx.Done():
			return
		case <-timer.C:
		}
		timer.Reset(p.conf.MetadataMaxAge)
	}
}

// inUse returns the topics in use, and forgets those that are not.
func (p *Producer) inUse(now time.Time) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	for name, t := range p.topics {
		if t.calls > 0 {
			t.used = now
		} else if now.Sub(t.used) > topicIdle {
			delete(p.topics, name)
		}
	}
	return slices.Sorted(maps.Keys(p.topics))
}

func (p *Producer) update(names []string) {
	ctx, cancel := context.WithTimeout(p.ctx, metadataTimeout)
	defer cancel()
	begun := time.Now()
	resp, err := p.transport.metadata(ctx, names)
	if err == nil {
		p.downSince.Store(0)
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		if resp == nil {
			p.downSince.CompareAndSwap(0, begun.UnixNano())
		}
		if p.ctx.Err() == nil {
			p.conf.Observer.Retrying(kindOf(err), fmt.Errorf("asking for the topics: %w", err))
		}
		p.mu.Lock()
		for _, t := range p.topics {
			t.err = err
		}
		p.mu.Unlock()
		p.refresh()
		return
	}
	for i := range resp.Topics {
		if rt := &resp.Topics[i]; rt.Topic != nil {
			p.updateTopic(*rt.Topic, rt)
		}
	}
}

func (p *Producer) updateTopic(name string, rt *kmsg.MetadataResponseTopic) {
	err := kerr.ErrorForCode(rt.ErrorCode)
	if err == nil && len(rt.Partitions) == 0 {
		err = kerr.LeaderNotAvailable
	}
	if err != nil {
		p.topicMissing(name, err)
		return
	}
	leaders := map[int32]int32{}
	count := 0
	for i := range rt.Partitions {
		if rp := &rt.Partitions[i]; rp.Partition >= 0 {
			leaders[rp.Partition] = rp.Leader
			count = max(count, int(rp.Partition)+1)
		}
	}
	for i, part := range p.resize(name, rt.TopicID, count) {
		leader, known := leaders[int32(i)]
		if !known {
			leader = -1
		}
		part.lead(leader)
	}
}

// resize notes how many partitions a topic has, and returns all that it ever had.
func (p *Producer) resize(name string, id [16]byte, count int) []*partition {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topics[name]
	if t == nil {
		return nil // forgotten meanwhile
	}
	t.err, t.unknownSince = nil, time.Time{}
	t.gone.Store(nil)
	t.id.Store(&id)
	for i := len(t.all); i < count; i++ {
		part := &partition{producer: p, topic: t, index: int32(i)}
		part.leader.Store(-1)
		t.all = append(t.all, part)
	}
	now := t.all[:count:count]
	t.partitions.Store(&now)
	t.broadcast()
	return t.all
}

// topicMissing notes that a topic is not there, or may not be described. It is asked for
// again. After a while, or if it cannot ever be there, its records are refused.
func (p *Producer) topicMissing(name string, err error) {
	p.conf.Observer.Retrying(kindOf(err), fmt.Errorf("looking up the topic %s: %w", name, err))
	all, gone := p.giveUp(name, err)
	if gone == nil {
		p.refresh()
		return
	}
	for _, part := range all {
		part.refuseAll(gone)
	}
}

// giveUp returns an error if a topic has been missing for too long.
func (p *Producer) giveUp(name string, err error) (all []*partition, gone error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.topics[name]
	if t == nil {
		return nil, nil
	}
	now := time.Now()
	if t.unknownSince.IsZero() {
		t.unknownSince = now
	}
	t.err = err
	unknown := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
	if !errors.Is(err, kerr.InvalidTopicException) && !(unknown && p.conf.UnknownTopic > 0 && now.Sub(t.unknownSince) >= p.conf.UnknownTopic) {
		return nil, nil
	}
	gone = &RefusedError{Kind: kindOf(err), Topic: t.name, Partition: -1, text: fmt.Sprintf("Kafka has no topic %s: %v", t.name, err)}
	t.gone.Store(&gone)
	t.broadcast()
	return t.all, gone
}

// broadcast wakes those that wait for the topic. Producer.mu must be held.
func (t *Topic) broadcast() {
	close(t.changed)
	t.changed = make(chan struct{})
}

// refuseAll refuses what the partition has, but for what is in flight or being prepared.
func (p *partition) refuseAll(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range p.queue {
		if b.state == ready && !(i == 0 && p.inFlight) {
			b.refuse(err)
		}
	}
	p.sweep()
	p.advance()
}
