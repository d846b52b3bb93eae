package kafkabatch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"github.com/brandpulse/brandpulse-connect/internal/kafka/track"
)

// startPartitions finds where to begin, and commits it with metadata that says that
// batches beyond it may be delivered. No batch is delivered before: after a crash the
// commit must say whose points may be there.
func (h *housekeeper) startPartitions() {
	starting := h.claim(track.Start)
	if len(starting) == 0 {
		return
	}
	defer h.release(starting)
	first, last := h.limits(starting)
	placed := slices.DeleteFunc(slices.Clone(starting), func(c *track.Claim) bool { return !h.place(c, first, last) })
	h.committer.announce(placed)
	for _, c := range placed {
		c.Started(time.Now())
	}
}

// place sets the first position of a partition. It reports whether the partition can
// begin: if not, it is paused, stopped or revoked.
func (h *housekeeper) place(c *track.Claim, first, last listed) bool {
	m, ours := track.ParseCommitMetadata(c.Commit.Metadata)
	id := track.TopicIDText(c.TopicID)
	switch {
	case ours && !m.Of(id):
		h.report.stop(c.Partition, kindRecreated, h.conf.errFormer(c.Topic, m.Topic, id))
		return false
	case c.Commit.Offset < 0 && c.Former != "":
		// Read alone, it would write its points among those of the former topic.
		h.report.stop(c.Partition, kindRecreated, h.conf.errFormer(c.Topic, c.Former, id))
		return false
	}
	if c.Commit.Offset >= 0 {
		if ours && !m.Allows(h.conf.fingerprint) {
			h.report.stop(c.Partition, "fingerprint", h.conf.errFingerprint(m, c.Commit.Offset))
			return false
		}
		clean := ours && m.Clean
		return c.Begin(track.Position{Offset: c.Commit.Offset, Epoch: c.Commit.Epoch, Time: -1}, ours && !clean, clean)
	}
	from, which := first, "first"
	if c.Fresh {
		switch h.conf.startOffset {
		case startLatest:
			from, which = last, "last"
		case startCommitted:
			h.report.stop(c.Partition, "no_commit", fmt.Errorf("the group %s has committed no offset and %s is %s: set its offset with kafka-consumer-groups --reset-offsets, or %s to where to begin",
				h.conf.group, fieldStartOffset, startCommitted, fieldStartOffset))
			return false
		}
	}
	offset, err := from.of(c.ID)
	if err != nil {
		h.pause(c.Partition, "offsets", fmt.Errorf("asking for the %s offset: %w", which, err))
		return false
	}
	return c.Begin(track.Position{Offset: offset, Epoch: -1, Time: -1}, false, false)
}

var errNoResponse = errors.New("the broker's response does not have it")

// listed has offsets of partitions.
type listed struct {
	offsets kadm.ListedOffsets
	err     error // why some of them may be missing
}

// of returns the offset of a partition, or why it is not known.
func (l listed) of(id track.ID) (int64, error) {
	for _, partition := range []int32{id.Partition, -1} { // -1 has the error of a topic
		if at, ok := l.offsets.Lookup(id.Topic, partition); ok {
			return at.Offset, at.Err
		}
	}
	if l.err != nil {
		return 0, l.err
	}
	return 0, errNoResponse
}

// limits asks for the first and the last offsets of the topics of partitions
// that have no commit.
func (h *housekeeper) limits(starting []*track.Claim) (first, last listed) {
	ctx, cancel := context.WithTimeout(h.ctx, h.conf.TimeoutOverhead)
	defer cancel()
	var without []*track.Claim
	for _, c := range starting {
		if c.Commit.Offset < 0 {
			without = append(without, c)
		}
	}
	topics := topicsOf(without)
	if len(topics) > 0 {
		first.offsets, first.err = h.admin.ListStartOffsets(ctx, topics...)
	}
	if len(topics) > 0 && h.conf.startOffset == startLatest {
		last.offsets, last.err = h.admin.ListCommittedOffsets(ctx, topics...)
	}
	return first, last
}
