package recordbatch

import (
	"fmt"
	"math"
)

// Builder appends one uncompressed batch to a buffer, record by record and in place,
// as a producer sends it: base offset 0, offsets without gaps, no producer id. It
// is for batches whose number of records is not known in advance; AppendBatch writes
// any other header.
//
//	b.Begin(dst)
//	for b.Size()+RecordSize(...) <= limit {
//		b.Append(...)
//	}
//	dst, err = b.Finish()
//
// A Builder makes no allocation besides growing the buffer. It is not safe for use
// by several goroutines at once.
type Builder struct {
	buf     []byte
	start   int // of the batch in buf
	records int
	first   int64 // timestamp of the first record
	latest  int64
	open    int           // where the value of the open record must end, or 0
	headers RecordHeaders // of the open record
}

// Begin begins a batch behind the bytes of dst. It ends a batch that was not
// finished.
func (b *Builder) Begin(dst []byte) {
	*b = Builder{buf: append(dst, make([]byte, HeaderSize)...), start: len(dst)}
}

// Records returns the number of records that the batch has.
func (b *Builder) Records() int { return b.records }

// Size returns the size of the batch in bytes.
func (b *Builder) Size() int { return len(b.buf) - b.start }

// Room returns the number of bytes that fit before the buffer must grow.
func (b *Builder) Room() int { return cap(b.buf) - len(b.buf) }

// Move continues the batch behind the bytes of dst, where what it has is copied to.
func (b *Builder) Move(dst []byte) {
	start := len(dst)
	b.buf = append(dst, b.buf[b.start:]...)
	b.start = start
}

// MaxRecordSize returns the most bytes that a record takes in any batch, for keys and
// values that are not null.
func MaxRecordSize(key, value, headers int) int {
	const numbers = 1 + 5 + 10 + 5 + 5 + 5 + 5 // attributes, length, times and counts
	return numbers + key + value + headers
}

// Append appends a record. A nil key or value is null. rec.Offset is not used: the
// record takes the next offset.
func (b *Builder) Append(rec *Record) {
	b.begin(rec.Timestamp)
	h := Header{FirstTimestamp: b.first}
	next := *rec
	next.Offset = int64(b.records)
	b.buf = appendRecord(b.buf, h, &next)
	b.records++
}

// Open appends the beginning of a record whose value will have size bytes, and returns
// the buffer. The caller appends exactly the value to it and passes the result to Close,
// so that the value is written once, in its place. A nil key is null. headers must not
// change before Close.
func (b *Builder) Open(timestamp int64, key []byte, headers RecordHeaders, size int) []byte {
	b.begin(timestamp)
	since, delta, count := timestamp-b.first, int64(b.records), int64(0)
	if len(headers) > 0 {
		count = int64(headers.Len())
	}
	body := 1 + varintSize(since) + varintSize(delta) + nullableSize(key) + varintSize(int64(size)) + size +
		varintSize(count) + len(headers)
	dst := appendVarint(b.buf, int64(body))
	dst = append(dst, 0) // attributes
	dst = appendVarint(dst, since)
	dst = appendVarint(dst, delta)
	dst = appendNullable(dst, key)
	dst = appendVarint(dst, int64(size))
	b.open, b.headers = len(dst)+size, headers
	return dst
}

// Close ends the record that Open began. It panics if the value has another size than
// Open was given, since the batch could not be read from there on.
func (b *Builder) Close(dst []byte) {
	if len(dst) != b.open {
		panic(fmt.Sprintf("recordbatch: the value of record %d ends at byte %d, not at %d", b.records, len(dst), b.open))
	}
	if len(b.headers) == 0 {
		b.buf = append(dst, 0)
	} else {
		b.buf = append(appendVarint(dst, int64(b.headers.Len())), b.headers...)
	}
	b.open, b.headers = 0, nil
	b.records++
}

func (b *Builder) begin(timestamp int64) {
	if b.records == 0 {
		b.first, b.latest = timestamp, timestamp
	}
	b.latest = max(b.latest, timestamp)
}

// Finish ends the batch and returns the buffer. A batch without records is an
// ErrRecords, since a broker accepts none, and one beyond 2 GiB is an ErrTooLarge;
// the buffer then ends where it began.
func (b *Builder) Finish() ([]byte, error) {
	batch := b.buf[b.start:]
	switch {
	case b.records == 0:
		return b.buf[:b.start], fmt.Errorf("%w: there are none", ErrRecords)
	case len(batch) > math.MaxInt32 || b.records > math.MaxInt32:
		return b.buf[:b.start], fmt.Errorf("%w: %d bytes", ErrTooLarge, len(batch))
	}
	h := Header{
		LeaderEpoch: -1, Magic: 2,
		LastOffsetDelta: int32(b.records - 1), Records: int32(b.records),
		FirstTimestamp: b.first, MaxTimestamp: b.latest,
		ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1,
	}
	h.append(batch[:0])
	seal(batch)
	return b.buf, nil
}
