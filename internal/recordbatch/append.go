package recordbatch

import (
	"errors"
	"fmt"
	"math"
)

// ErrRecords means that records cannot be put into one batch.
var ErrRecords = errors.New("the records cannot form a batch")

// AppendBatch appends an uncompressed batch of records, whose offsets must ascend from
// h.BaseOffset. From h it uses
//
//   - BaseOffset, LeaderEpoch, ProducerID, ProducerEpoch, BaseSequence;
//   - Attributes, whose codec must be none;
//   - LastOffsetDelta, if the last record's offset is not beyond it: that makes a compacted batch;
//   - FirstTimestamp with AttrDeleteHorizon, or without records;
//   - MaxTimestamp with AttrLogAppendTime, or without records.
//
// All other fields follow from the records. On an ErrRecords or ErrTooLarge (a batch
// has at most 2 GiB) dst is returned unchanged.
func AppendBatch(dst []byte, h Header, records ...Record) ([]byte, error) {
	if c := h.Codec(); c != None {
		return dst, fmt.Errorf("%w: attributes with the codec %s", ErrRecords, c)
	}
	if len(records) > math.MaxInt32 {
		return dst, fmt.Errorf("%w: %d records", ErrTooLarge, len(records))
	}
	h.Magic, h.Records, h.Length = 2, int32(len(records)), HeaderSize-lengthEnd
	h.extend(records)
	if err := h.check(); err != nil {
		return dst, fmt.Errorf("%w: %w", ErrRecords, err)
	}
	start := len(dst)
	out := h.append(dst)
	last := h.BaseOffset - 1
	for i := range records {
		rec := &records[i]
		if rec.Offset <= last || rec.Offset > h.LastOffset() {
			return dst, fmt.Errorf("%w: offset %d of record %d is not from %d to %d",
				ErrRecords, rec.Offset, i, last+1, h.LastOffset())
		}
		last = rec.Offset
		out = appendRecord(out, h, rec)
		if len(out)-start > math.MaxInt32 {
			return dst, fmt.Errorf("%w: beyond 2 GiB at record %d of %d", ErrTooLarge, i, len(records))
		}
	}
	seal(out[start:])
	return out, nil
}

// extend widens the ranges of h to include the records.
func (h *Header) extend(records []Record) {
	if len(records) == 0 {
		return
	}
	if !h.DeleteHorizon() {
		h.FirstTimestamp = records[0].Timestamp
	}
	if !h.LogAppendTime() {
		h.MaxTimestamp = records[0].Timestamp
		for i := range records {
			h.MaxTimestamp = max(h.MaxTimestamp, records[i].Timestamp)
		}
	}
	// appendRecord rejects an offset that no delta can express.
	delta := records[len(records)-1].Offset - h.BaseOffset
	if delta > int64(h.LastOffsetDelta) {
		h.LastOffsetDelta = int32(min(delta, math.MaxInt32))
	}
}

func appendRecord(dst []byte, h Header, rec *Record) []byte {
	since, delta := rec.Timestamp-h.FirstTimestamp, rec.Offset-h.BaseOffset
	count := int64(rec.Headers.Len())
	size := 1 + varintSize(since) + varintSize(delta) +
		nullableSize(rec.Key) + nullableSize(rec.Value) +
		varintSize(count) + len(rec.Headers)
	dst = appendVarint(dst, int64(size))
	dst = append(dst, 0) // attributes
	dst = appendVarint(dst, since)
	dst = appendVarint(dst, delta)
	dst = appendNullable(dst, rec.Key)
	dst = appendNullable(dst, rec.Value)
	dst = appendVarint(dst, count)
	return append(dst, rec.Headers...)
}

func nullableSize(field []byte) int {
	if field == nil {
		return varintSize(-1)
	}
	return varintSize(int64(len(field))) + len(field)
}
