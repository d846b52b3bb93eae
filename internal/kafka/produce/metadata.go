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
	resp, err := p.transport.metadata(ctx, names)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
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
			p.mu.Lock()
			t := p.topics[*rt.Topic]
			p.mu.Unlock()
			if t != nil {
				t.update(rt)
			}
		}
	}
}

func (t *Topic) update(rt *kmsg.MetadataResponseTopic) {
	p := t.producer
	err := kerr.ErrorForCode(rt.ErrorCode)
	if err == nil && len(rt.Partitions) == 0 {
		err = kerr.LeaderNotAvailable
	}
	if err != nil {
		t.missing(err)
		return
	}
	p.mu.Lock()
	t.err, t.unknownSince = nil, time.Time{}
	t.gone.Store(nil)
	t.id.Store(&rt.TopicID)
	count := 0
	for i := range rt.Partitions {
		count = max(count, int(rt.Partitions[i].Partition)+1)
	}
	for i := len(t.all); i < count; i++ {
		part := &partition{producer: p, topic: t, index: int32(i)}
		part.leader.Store(-1)
		t.all = append(t.all, part)
	}
	all := t.all
	now := all[:count:count]
	t.partitions.Store(&now)
	close(t.changed)
	t.changed = make(chan struct{})
	p.mu.Unlock()

	leaders := make([]int32, len(all))
	for i := range leaders {
		leaders[i] = -1
	}
	for i := range rt.Partitions {
		if rp := &rt.Partitions[i]; rp.Partition >= 0 {
			leaders[rp.Partition] = rp.Leader
		}
	}
	for i, part := range all {
		part.lead(leaders[i])
	}
}

// missing notes that a topic is not there, or may not be described. It is asked for again.
// After a while, or if it cannot ever be there, its records are refused.
func (t *Topic) missing(err error) {
	p := t.producer
	p.mu.Lock()
	now := time.Now()
	if t.unknownSince.IsZero() {
		t.unknownSince = now
	}
	unknown := errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID)
	t.err = err
	final := errors.Is(err, kerr.InvalidTopicException) ||
		unknown && p.conf.UnknownTopic > 0 && now.Sub(t.unknownSince) >= p.conf.UnknownTopic
	var gone error
	if final {
		gone = &RefusedError{Kind: kindOf(err), text: fmt.Sprintf("Kafka has no topic %s: %v", t.name, err)}
		t.gone.Store(&gone)
		close(t.changed)
		t.changed = make(chan struct{})
	}
	all := t.all
	p.mu.Unlock()
	p.conf.Observer.Retrying(kindOf(err), fmt.Errorf("looking up the topic %s: %w", t.name, err))
	if !final {
		p.refresh()
		return
	}
	for _, part := range all {
		part.refuseAll(gone)
	}
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
