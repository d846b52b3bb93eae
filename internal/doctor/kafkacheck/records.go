package kafkacheck

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/brandpulse/brandpulse-connect/internal/doctor"
)

// The first records are a sample: enough to tell a setting that does not match from a
// few bad records.
const (
	sampledPartitions = 8
	sampledRecords    = 20 // of each partition
)

// fetch reads records from offsets of partitions, up to most of each, without a group. A
// partition may give fewer.
func (k *checker) fetch(ctx context.Context, topic string, from map[int32]kgo.Offset, most int) ([]*kgo.Record, error) {
	if len(from) == 0 {
		return nil, nil
	}
	client, err := k.newClient(
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}),
		kgo.FetchMaxWait(500*time.Millisecond), kgo.FetchMaxPartitionBytes(64<<10))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var records []*kgo.Record
	got := map[int32]int{}
	for full := 0; full < len(from); {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			if len(records) > 0 || errors.Is(err, context.DeadlineExceeded) {
				return records, nil
			}
			return nil, err
		}
		for _, e := range fetches.Errors() {
			return records, e.Err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if got[r.Partition] >= most {
				return
			}
			if got[r.Partition]++; got[r.Partition] == most {
				full++
			}
			records = append(records, r)
		})
		if most > 1 && len(records) >= most {
			break // a partition may have fewer
		}
	}
	return records, nil
}

// records decodes the records that the pipeline reads next, or those before the end of
// the log if it has read them all.
func (k *checker) records(read Read) func(ctx context.Context) doctor.Finding {
	return func(ctx context.Context) doctor.Finding {
		if read.Judge == nil {
			return doctor.Skipped("%s", read.NoJudge)
		}
		sample, err := k.sample(ctx, read)
		switch {
		case err != nil:
			return doctor.Skipped("reading records: %v", err)
		case len(sample) == 0:
			return doctor.Skipped("the topic has no record to look at")
		}
		bad := 0
		var first error
		for _, r := range sample {
			if err := read.Judge(ctx, r); err != nil {
				if bad++; first == nil {
					first = fmt.Errorf("partition %d, offset %d: %w", r.Partition, r.Offset, err)
				}
			}
		}
		const do = "Compare encoding, schema_files, schema_registry and mapping of sentiment_window with what the producers write."
		switch {
		case bad == len(sample):
			return doctor.Failed(do, "none of %d records can be counted. The first: %v", len(sample), first)
		case bad > 0:
			return doctor.Warning(do+" A few bad records become dead letters, and nothing else is affected.", "%d of %d records become dead letters. The first: %v", bad, len(sample), first)
		}
		return doctor.OK("all of %d records can be counted", len(sample))
	}
}

func (k *checker) sample(ctx context.Context, read Read) ([]*kgo.Record, error) {
	l, known := k.knownLag(read)
	if !known {
		var err error
		if l, err = k.bounds(ctx, read.Topic); err != nil {
			return nil, err
		}
	}
	from := map[int32]kgo.Offset{}
	for _, p := range l.partitions {
		if len(from) >= sampledPartitions {
			break
		}
		if p.records() > 0 {
			from[p.partition] = kgo.NewOffset().At(max(p.next, p.start))
		}
	}
	if len(from) > 0 {
		return k.fetch(ctx, read.Topic, from, sampledRecords)
	}
	for _, p := range l.partitions {
		if len(from) < sampledPartitions && p.last > p.start {
			from[p.partition] = kgo.NewOffset().At(max(p.start, p.last-sampledRecords))
		}
	}
	return k.fetch(ctx, read.Topic, from, sampledRecords)
}
