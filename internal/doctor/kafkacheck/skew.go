package kafkacheck

import (
	"context"
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
	"github.com/brandpulse/brandpulse-connect/internal/hotkey"
)

const (
	// recently is the time whose records are compared between partitions: those that are
	// older say nothing about the load.
	recently = time.Hour
	// leastSkewed is the number of records from which their distribution says something.
	leastSkewed = 1000
	// sampledKeys is how many of the newest records of a partition are looked at for a key
	// that has many, and manyOfThem the part of them that is many.
	sampledKeys, manyOfThem = 1000, 0.2
)

// skew compares what was written to the partitions lately, and what is unread in them.
func (k *checker) skew(read Read) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		since, err := listed(k.admin.ListOffsetsAfterMilli(ctx, time.Now().Add(-recently).UnixMilli(), read.Topic))
		if err != nil {
			return doctor.Skipped("asking for the offsets of an hour ago: %v", err)
		}
		l, err := k.bounds(ctx, read.Topic)
		if err != nil {
			return doctor.Skipped("asking for the first and last offsets: %v", err)
		}
		written, unread := map[int32]int64{}, map[int32]int64{}
		for _, p := range l.partitions {
			from, ok := since.Lookup(read.Topic, p.partition)
			if !ok || from.Offset < 0 {
				return doctor.Skipped("the offset of an hour ago is not known in partition %d", p.partition)
			}
			written[p.partition] = max(0, p.last-from.Offset)
		}
		behind, _ := k.knownLag(read)
		if !behind.oldest.IsZero() && time.Since(behind.oldest) > behindSoon {
			for _, p := range behind.partitions {
				unread[p.partition] = p.records()
			}
		}
		f, partition := judgeSkew(written, unread)
		if f.Status == doctor.StatusWarning {
			f.Seen += k.frequentKey(ctx, read.Topic, partition, l)
		}
		return f
	}
}

// judgeSkew judges the records by partition that were written lately, and those that are
// unread, if the lag is old. For a warning it also returns the partition.
func judgeSkew(written, unread map[int32]int64) (doctor.Finding, int32) {
	const apart = "All records of a key are in one partition, however many partitions there are. Give the key that has many a topic of its own, or distribute its records over several keys if their order does not matter."
	if p, n, of := most(written); skewed(n, of, len(written)) {
		return doctor.Warning(apart, "of %s records of the last hour in %d partitions, partition %d has %s",
			humanize.Comma(of), len(written), p, humanize.Comma(n)), p
	}
	if p, n, of := most(unread); skewed(n, of, len(unread)) {
		return doctor.Warning("The partitions were written to evenly in the last hour, so this one is read more slowly, or was written to before. Its records may take longer, or wait for something: see kafka-stuck, and the log of the pipeline. "+apart,
			"of %s unread records in %d partitions, partition %d has %s", humanize.Comma(of), len(unread), p, humanize.Comma(n)), p
	}
	_, n, of := most(written)
	switch {
	case len(written) == 1:
		return doctor.OK("the topic has one partition"), 0
	case of < leastSkewed:
		return doctor.OK("the last hour has %s records, too few to compare partitions", humanize.Comma(of)), 0
	}
	return doctor.OK("of %s records of the last hour in %d partitions, the largest has %.0f %%", humanize.Comma(of), len(written), 100*float64(n)/float64(of)), 0
}

// most returns the partition with the most records, the first of them, and the number of
// all records.
func most(records map[int32]int64) (partition int32, n, of int64) {
	n = -1
	for p, count := range records {
		of += count
		if count > n || count == n && p < partition {
			partition, n = p, count
		}
	}
	return partition, max(0, n), of
}

func skewed(n, of int64, partitions int) bool {
	return of >= leastSkewed && float64(n) > hotkey.SkewFrom(partitions)*float64(of)
}

// frequentKey returns a sentence about the most frequent key of the newest records of a
// partition, or nothing if none is frequent.
func (k *checker) frequentKey(ctx context.Context, topic string, partition int32, l lag) string {
	for _, p := range l.partitions {
		if p.partition != partition {
			continue
		}
		from := kgo.NewOffset().At(max(p.start, p.last-sampledKeys))
		records, err := k.fetch(ctx, topic, map[int32]kgo.Offset{partition: from}, int(min(sampledKeys, p.last-p.start)))
		if err == nil {
			return keyWords(records)
		}
	}
	return ""
}

func keyWords(records []*kgo.Record) (words string) {
	// Every key with more than a hundredth of the records is kept.
	s := hotkey.NewSketch(100)
	for _, r := range records {
		s.Add(string(r.Key), 1)
	}
	s.Each(func(c hotkey.Count) bool {
		sure := c.Count - c.Excess
		switch {
		case float64(sure) < manyOfThem*float64(len(records)):
		case c.Size == 0:
			words = fmt.Sprintf(". Of its newest %s records, at least %s have no key, so the producer chooses the partition", humanize.Comma(int64(len(records))), humanize.Comma(sure))
		default:
			words = fmt.Sprintf(". Of its newest %s records, at least %s have the key %q", humanize.Comma(int64(len(records))), humanize.Comma(sure), hotkey.Name(c.Key, c.Size))
		}
		return false // only the most frequent one
	})
	return words
}
