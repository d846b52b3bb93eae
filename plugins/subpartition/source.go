package subpartition

import (
	"fmt"

	"github.com/redpanda-data/benthos/v4/public/service"

	"github.com/brandpulse/brandpulse-connect/internal/contract"
	"github.com/brandpulse/brandpulse-connect/internal/hold"
	"github.com/brandpulse/brandpulse-connect/internal/letter"
)

// sourceID is a partition of the child, from its assignment to its revocation.
type sourceID struct {
	topic     string
	partition int32 // -1 for messages of several partitions, and of none
	revoked   <-chan struct{}
}

// Name is for log lines.
func (id sourceID) Name() string {
	if id.partition < 0 {
		return "the child input"
	}
	return fmt.Sprintf("partition %d of %s", id.partition, id.topic)
}

// source is where batches come from.
type source struct {
	hold.Source
	next int64 // the offset after the last one that was read
}

// sourceOf returns the partition of a batch. whole is whether all of it is of one
// partition, so that offsets compare.
func sourceOf(batch service.MessageBatch) (id sourceID, whole bool) {
	none := sourceID{partition: -1}
	for i, m := range batch {
		p, found, err := contract.PositionOf(m)
		if !found || err != nil {
			return none, false
		}
		one := sourceID{p.Topic, p.Partition, revokedOf(m)}
		if i > 0 && one != id {
			return none, false
		}
		id = one
	}
	return id, len(batch) > 0
}

// offsetOf returns the offset of a message whose position is known.
func offsetOf(m *service.Message) int64 {
	p, _, _ := contract.PositionOf(m)
	return p.Offset
}

// source returns the source of an id, and watches it if it is new. It returns nil for one
// that is revoked: what was queued of it is dropped, and a batch that the reader had then
// would be delivered without what is before it. It must be called with mu held.
func (in *input) source(id sourceID) *source {
	s := in.sources[id]
	if s != nil {
		return s
	}
	if id.revoked != nil && closed(id.revoked) {
		return nil
	}
	s = &source{}
	in.sources[id] = s
	if id.revoked != nil {
		in.tasks.Go(func() { in.untilRevoked(id, s) })
	}
	return s
}

// untilRevoked drops what is queued of a partition once another member has it: that one
// delivers it, and a later write of ours would be out of order.
func (in *input) untilRevoked(id sourceID, s *source) {
	select {
	case <-id.revoked:
	case <-in.ctx.Done():
		return
	}
	in.mu.Lock()
	settled := in.sched.Revoke(&s.Source)
	delete(in.sources, id)
	in.mu.Unlock()
	in.settle(settled)
	signal(in.wake)
	signal(in.room)
}

// place names a message for a log line.
func place(m *message) string {
	p, found, err := contract.PositionOf(m.Value)
	if !found || err != nil {
		return fmt.Sprintf("a message with the key %q", shortKey(m.Key))
	}
	return fmt.Sprintf("offset %d of partition %d of %s, with the key %q", p.Offset, p.Partition, p.Topic, shortKey(m.Key))
}

// maxShownKey bounds a key in a log line.
const maxShownKey = 100

func shortKey(key string) string {
	if len(key) > maxShownKey {
		return letter.Cut(key, maxShownKey) + "…"
	}
	return key
}
