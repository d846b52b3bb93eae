package kafkacheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// lag is how far a group is behind in a topic.
type lag struct {
	partitions []partitionLag
	members    int
	oldest     time.Time // of the oldest record that is not read yet; zero if there is none
}

// partitionLag are offsets of a partition.
type partitionLag struct {
	partition         int32
	start, next, last int64 // of the log, of the group, and after the log's last record
	committed         bool
}

func (p partitionLag) records() int64 { return max(0, p.last-max(p.next, p.start)) }

func (l lag) records() (n int64) {
	for _, p := range l.partitions {
		n += p.records()
	}
	return n
}

const (
	// behindSoon is the age of an unread record from which the lag is worth a word.
	behindSoon = time.Minute
	// stuckAfter is how long a partition is watched. Inputs commit every second.
	stuckAfter = 3 * time.Second
)

func (k *checker) lag(read Read) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		l, err := k.readLag(ctx, read)
		if err != nil {
			return doctor.Skipped("%v", err)
		}
		k.mu.Lock()
		k.lags[read.key()] = l
		k.mu.Unlock()
		records := l.records()
		words := fmt.Sprintf("%s records are not read yet", humanize.Comma(records))
		if !slices.ContainsFunc(l.partitions, func(p partitionLag) bool { return p.committed }) {
			return doctor.OK("the group %s has committed nothing: it begins with its start offset, and the topic has %s records", read.ConsumerGroup, humanize.Comma(records))
		}
		if l.oldest.IsZero() {
			return doctor.OK("%s", words)
		}
		age := time.Since(l.oldest)
		words += fmt.Sprintf(", the oldest of them %s old", age.Round(time.Second))
		switch {
		case age > behindSoon && l.members == 0:
			return doctor.Warning("Start the pipeline.", "%s, and the group %s has no member", words, read.ConsumerGroup)
		case age > behindSoon:
			return doctor.Warning("The dashboard names the stage that limits the pipeline: brandpulse-connect dashboard. Give it more cores, or start a second one in the same group.", "%s", words)
		}
		return doctor.OK("%s", words)
	}
}

// knownLag returns what lag has read.
func (k *checker) knownLag(read Read) (l lag, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, known = k.lags[read.key()]
	return l, known
}

func (k *checker) readLag(ctx context.Context, read Read) (lag, error) {
	committed, err := k.committed(ctx, read.ConsumerGroup, read.Topic)
	if err != nil {
		return lag{}, fmt.Errorf("asking for the offsets of the group %s: %w", read.ConsumerGroup, err)
	}
	l, err := k.bounds(ctx, read.Topic)
	if err != nil {
		return lag{}, err
	}
	for i := range l.partitions {
		p := &l.partitions[i]
		if at, ok := committed.Lookup(read.Topic, p.partition); ok && at.At >= 0 {
			p.next, p.committed = at.At, true
		}
	}
	if described, err := k.describeGroup(ctx, read.ConsumerGroup); err == nil {
		l.members = len(described.Members)
	}
	l.oldest = k.oldestUnread(ctx, read.Topic, l.partitions)
	return l, nil
}

// bounds returns the offsets of a topic's log, which a group without commits begins with.
func (k *checker) bounds(ctx context.Context, topic string) (lag, error) {
	starts, err := listed(k.admin.ListStartOffsets(ctx, topic))
	if err != nil {
		return lag{}, fmt.Errorf("asking for the first offsets: %w", err)
	}
	ends, err := listed(k.admin.ListEndOffsets(ctx, topic))
	if err != nil {
		return lag{}, fmt.Errorf("asking for the last offsets: %w", err)
	}
	var l lag
	for partition, end := range ends[topic] {
		start, _ := starts.Lookup(topic, partition)
		l.partitions = append(l.partitions, partitionLag{partition: partition, start: start.Offset, next: start.Offset, last: end.Offset})
	}
	slices.SortFunc(l.partitions, func(a, b partitionLag) int { return int(a.partition - b.partition) })
	return l, nil
}

func listed(offsets kadm.ListedOffsets, err error) (kadm.ListedOffsets, error) {
	if err == nil {
		err = offsets.Error()
	}
	return offsets, err
}

// committed returns the group's commits, none for a group that does not exist.
func (k *checker) committed(ctx context.Context, group, topic string) (kadm.OffsetResponses, error) {
	offsets, err := k.admin.FetchOffsetsForTopics(ctx, group, topic)
	if err == nil {
		err = offsets.Error()
	}
	if errors.Is(err, kerr.GroupIDNotFound) {
		return nil, nil
	}
	return offsets, err
}

// oldestUnread returns the earliest timestamp of the partitions' first unread records.
func (k *checker) oldestUnread(ctx context.Context, topic string, partitions []partitionLag) (oldest time.Time) {
	from := map[int32]kgo.Offset{}
	for _, p := range partitions {
		if p.records() > 0 && p.committed {
			from[p.partition] = kgo.NewOffset().At(max(p.next, p.start))
		}
	}
	records, err := k.fetch(ctx, topic, from, 1)
	if err != nil {
		return oldest
	}
	for _, r := range records {
		if r.Timestamp.UnixMilli() > 0 && (oldest.IsZero() || r.Timestamp.Before(oldest)) {
			oldest = r.Timestamp
		}
	}
	return oldest
}

// retention compares what is unread with what Kafka keeps.
func (k *checker) retention(read Read) func(ctx context.Context) doctor.Finding {
	return func(context.Context) doctor.Finding {
		l, _ := k.knownLag(read)
		for _, p := range l.partitions {
			if p.committed && p.next < p.start {
				return doctor.Failed("The records are gone from Kafka. Lengthen retention.ms or retention.bytes of the topic; then let the pipeline continue with on_lost_records: earliest, or set the offsets of the group.",
					"partition %d: the group continues at offset %d, and the log begins at %d: %s records were deleted unread", p.partition, p.next, p.start, humanize.Comma(p.start-p.next))
			}
		}
		text, unknown := k.setting(read.Topic, "retention.ms")
		if unknown != nil {
			return *unknown
		}
		ms, err := strconv.ParseInt(text, 10, 64)
		switch {
		case err != nil:
			return doctor.Skipped("retention.ms is %q", text)
		case ms < 0:
			return doctor.OK("Kafka keeps records until their number of bytes is limited")
		}
		keeps := time.Duration(ms) * time.Millisecond
		if l.oldest.IsZero() {
			return doctor.OK("Kafka keeps records for %s, and none that is old waits", keeps)
		}
		age := time.Since(l.oldest)
		if age > keeps/2 {
			return doctor.Warning("Lengthen retention.ms of the topic until the pipeline has caught up.",
				"Kafka keeps records for %s, and the oldest unread one is %s old", keeps, age.Round(time.Second))
		}
		return doctor.OK("Kafka keeps records for %s, and the oldest unread one is %s old", keeps, age.Round(time.Second))
	}
}

// stuck watches the commits of partitions that have unread records.
func (k *checker) stuck(read Read) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		before, _ := k.knownLag(read)
		switch {
		case before.members == 0:
			return doctor.Skipped("no pipeline is running in the group %s", read.ConsumerGroup)
		case before.records() == 0:
			return doctor.OK("no records wait")
		case read.FromEnd && !slices.ContainsFunc(before.partitions, func(p partitionLag) bool { return p.committed }):
			return doctor.Skipped("the group %s has committed nothing and begins at the end of the log, so its position is not known", read.ConsumerGroup)
		}
		select {
		case <-time.After(stuckAfter):
		case <-ctx.Done():
			return doctor.Skipped("no time was left to watch the partitions")
		}
		after, err := k.committed(ctx, read.ConsumerGroup, read.Topic)
		if err != nil {
			return doctor.Skipped("asking for the offsets again: %v", err)
		}
		var stuck []string
		for _, p := range before.partitions {
			if read.FromEnd && !p.committed {
				continue // it may wait for the first record after its start
			}
			now, ok := after.Lookup(read.Topic, p.partition)
			if p.records() > 0 && (!ok || now.At < 0 && !p.committed || now.At == p.next && p.committed) {
				stuck = append(stuck, fmt.Sprintf("%d (at offset %d)", p.partition, p.next))
			}
		}
		if len(stuck) > 0 {
			return doctor.Failed("The log of the pipeline has the reason: a destination that does not respond, a schema that is missing, or a partition that kafka_batches has stopped.",
				"partitions have unread records and their commits have not advanced for %s: %s", stuckAfter, short(stuck))
		}
		return doctor.OK("all partitions with unread records advance")
	}
}
