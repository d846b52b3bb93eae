package audit

import (
	"context"

	"github.com/dustin/go-humanize"

	"github.com/brandpulse/brandpulse-connect/internal/audit/kafkalog"
)

// manyGaps: if a partition has more gaps, everything between the first and the last
// is read at once.
const manyGaps = 16

// readGaps reads the batch headers of offsets without a coverage point. Transaction
// markers, aborted records and records that Kafka has compacted away need no coverage
// point. Any other batch with records does.
func (q *quick) readGaps(ctx context.Context) error {
	for round := 0; ; round++ {
		ranges := map[int32]kafkalog.Range{}
		for partition, gaps := range q.gaps {
			switch {
			case len(gaps) > manyGaps && round == 0:
				ranges[partition] = kafkalog.Range{Start: gaps[0].start, End: gaps[len(gaps)-1].end}
			case len(gaps) <= manyGaps && round < len(gaps):
				ranges[partition] = kafkalog.Range{Start: gaps[round].start, End: gaps[round].end}
			}
		}
		if len(ranges) == 0 {
			return nil
		}
		err := q.audit.log.Headers(ctx, ranges, func(b kafkalog.Batch) error {
			if b.Kind == kafkalog.Data && b.Count > 0 {
				q.uncovered(b)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// uncovered reports a batch in or at a gap.
func (q *quick) uncovered(b kafkalog.Batch) {
	for _, g := range q.gaps[b.Partition] {
		if b.Last < g.start || b.Base >= g.end {
			continue
		}
		commit := q.lim.committed[b.Partition]
		switch {
		case b.Last >= commit || b.Base < q.lim.log[b.Partition].Start:
			// The batch is not committed to its end, or its start is removed.
		case q.audit.settled.covers(b.Partition, b.Base, b.Last):
			// It is a dead letter that was replayed or dropped.
		case b.Base >= g.start && b.Last < g.end:
			q.uncovers[b.Partition] = append(q.uncovers[b.Partition], gap{b.Base, b.Last + 1})
			q.find(FindingGap, b.Partition, b.Base, b.Last, "partition %d, batch at %d (to %d): %s records, no coverage point", b.Partition, b.Base, b.Last, humanize.Comma(int64(b.Count)))
		default:
			q.find(FindingGap, b.Partition, b.Base, b.Last, "partition %d, batch at %d (to %d): no coverage point covers its offsets %d to %d", b.Partition, b.Base, b.Last, max(b.Base, g.start), min(b.Last, g.end-1))
		}
		return
	}
}
