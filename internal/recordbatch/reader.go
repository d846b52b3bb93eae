package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// Record is one record of a batch. Its slices alias the batch.
type Record struct {
	Offset    int64
	Timestamp int64 // milliseconds since the Unix epoch
	Key       []byte
	Value     []byte // nil is null, which differs from empty
	Headers   RecordHeaders
}

// Reader reads the records of an uncompressed batch in place and in order,
// without allocation:
//
//	r, err := recordbatch.NewReader(batch)
//	...
//	var rec recordbatch.Record
//	for r.Next(&rec) {
//		...
//	}
//	if err := r.Err(); err != nil {
//
// A batch counts as a whole: what was read before an error must not be used.
type Reader struct {
	header Header
	b      []byte // remaining bytes of the records
	left   int32  // records to come
	delta  int32  // offset delta of the previous record, -1 at first
	err    error

	checks bool   // the CRC
	sum    uint32 // up to tail
	tail   []byte // of the records not yet included in the sum
}

// NewReader returns a Reader for a batch with nothing after it, as returned by Next and
// AppendUncompressed. It does not check the CRC: Next, Check and NewCheckingReader do.
// The errors are those of ParseHeader, and ErrCompressed.
func NewReader(batch []byte) (Reader, error) {
	h, err := parseWhole(batch)
	if err != nil {
		return Reader{}, err
	}
	if c := h.Codec(); c != None {
		return Reader{}, fmt.Errorf("%w with %s at offset %d", ErrCompressed, c, h.BaseOffset)
	}
	return readerOf(h, batch[HeaderSize:]), nil
}

func readerOf(h Header, records []byte) Reader {
	return Reader{header: h, b: records, left: h.Records, delta: -1}
}

// NewCheckingReader is NewReader and Check in one pass: the CRC is computed just ahead
// of the record that is read, while those bytes are in the cache. For a batch of a
// megabyte, which does not fit in a cache, that saves a tenth of reading and decoding.
// Whether the CRC is right is known after the last record: Err then reports a wrong CRC
// rather than its consequences.
func NewCheckingReader(batch []byte) (Reader, error) {
	r, err := NewReader(batch)
	if err != nil {
		if _, wrong := Check(batch); wrong != nil {
			err = wrong
		}
		return r, err
	}
	r.checks = true
	r.sum = crc32.Update(0, castagnoli, batch[atAttributes:HeaderSize])
	r.tail = r.b
	return r, nil
}

// sumAhead computes the CRC of the bytes from the beginning of the next record.
func (r *Reader) sumAhead() {
	const ahead = 16 << 10 // half of a first-level cache
	for len(r.tail) > 0 && len(r.b) <= len(r.tail) {
		n := min(ahead, len(r.tail))
		r.sum = crc32.Update(r.sum, castagnoli, r.tail[:n])
		r.tail = r.tail[n:]
	}
}

// finish completes the CRC when no record follows, for whatever reason.
func (r *Reader) finish() {
	if !r.checks {
		return
	}
	r.checks = false
	r.sum = crc32.Update(r.sum, castagnoli, r.tail)
	r.tail = nil
	if r.sum != r.header.CRC {
		r.err = crcError(r.header, r.sum)
	}
}

// Len returns the number of bytes of the remaining records.
func (r *Reader) Len() int { return len(r.b) }

// Header returns the header of the batch.
func (r *Reader) Header() Header { return r.header }

// Err returns nil if the number of records was that of the header, each was well
// formed, their offsets ascended within those of the batch, and every byte was read.
// Otherwise it is an ErrCorrupt. It is valid once Next has returned false.
func (r *Reader) Err() error {
	if r.err == nil || errors.Is(r.err, ErrCRC) {
		return r.err
	}
	return fmt.Errorf("reading record %d of %d in the batch at offset %d: %w",
		r.header.Records-r.left+1, r.header.Records, r.header.BaseOffset, r.err)
}

// Next reads the next record into rec. It returns false after the last record or at the
// first malformed one; Err tells which.
//
// It first assumes the most frequent kind of record: without headers, and with lengths
// below 8 KiB. One load reads the numbers before the key, which are then split without
// a call for each; that saves a third of the time. Any other record, and any error, is
// left to nextAny, which starts over.
func (r *Reader) Next(rec *Record) bool {
	b := r.b
	if len(b) <= len(r.tail) {
		r.sumAhead()
	}
	if r.left <= 0 || len(b) < 8 || r.err != nil {
		return r.nextAny(rec)
	}
	w := binary.LittleEndian.Uint64(b)
	if longVarint(w) {
		return r.nextAny(rec)
	}
	length, i, w := shortVarint(w)
	end := i + length
	if w >>= 8; length < 0 || end > len(b) || longVarint(w) { // past the attributes
		return r.nextAny(rec)
	}
	since, n, w := shortVarint(w)
	if i += 1 + n; longVarint(w) {
		return r.nextAny(rec)
	}
	delta, n, w := shortVarint(w)
	// At most 7 bytes are used, so all of a length of one byte is left.
	if i += n; int32(delta) <= r.delta || int32(delta) > r.header.LastOffsetDelta || w&0x80 != 0 {
		return r.nextAny(rec)
	}
	keySize, n, _ := shortVarint(w)
	i += n
	keyEnd := i + max(keySize, 0)
	if keyEnd+2 > end {
		return r.nextAny(rec)
	}
	w = uint64(binary.LittleEndian.Uint16(b[keyEnd:]))
	if longVarint(w) {
		return r.nextAny(rec)
	}
	valueSize, n, _ := shortVarint(w)
	valueEnd := keyEnd + n + max(valueSize, 0)
	if valueEnd+1 != end || b[valueEnd] != 0 { // the count of headers
		return r.nextAny(rec)
	}
	rec.Key, rec.Value, rec.Headers = nil, nil, nil
	if keySize >= 0 {
		rec.Key = b[i:keyEnd:keyEnd]
	}
	if valueSize >= 0 {
		rec.Value = b[keyEnd+n : valueEnd : valueEnd]
	}
	r.place(rec, int32(delta), int64(since))
	r.b = b[end:]
	return true
}

// place sets rec to the next record.
func (r *Reader) place(rec *Record, delta int32, since int64) {
	r.left--
	r.delta = delta
	rec.Offset = r.header.BaseOffset + int64(delta)
	rec.Timestamp = r.header.FirstTimestamp + since
	if r.header.LogAppendTime() {
		rec.Timestamp = r.header.MaxTimestamp
	}
}

// nextAny reads any record, and determines what is wrong with a malformed one.
func (r *Reader) nextAny(rec *Record) bool {
	if r.left <= 0 || r.err != nil {
		if len(r.b) > 0 && r.err == nil {
			r.err = errBatchTail
		}
		r.finish()
		return false
	}
	length, n := varint(r.b)
	if n <= 0 {
		return r.fail(varintError(n))
	}
	if length < 0 {
		return r.fail(errLength)
	}
	if int(length) > len(r.b)-n {
		return r.fail(errEnd)
	}
	b := r.b[n : n+int(length)]
	rest := r.b[n+int(length):]
	if len(b) == 0 {
		return r.fail(errEnd)
	}
	b = b[1:] // attributes of the record, which Kafka does not use

	since, n := varlong(b)
	if n <= 0 {
		return r.fail(varintError(n))
	}
	b = b[n:]
	delta, n := varint(b)
	if n <= 0 {
		return r.fail(varintError(n))
	}
	b = b[n:]
	// Anyone who commits LastOffset+1, or identifies records by their offset, relies on
	// this.
	if delta <= r.delta || delta > r.header.LastOffsetDelta {
		return r.fail(errOffset)
	}

	var err error
	if rec.Key, b, err = nullable(b); err != nil {
		return r.fail(err)
	}
	if rec.Value, b, err = nullable(b); err != nil {
		return r.fail(err)
	}
	if len(b) == 1 && b[0] == 0 {
		rec.Headers = nil
	} else if rec.Headers, err = headersOf(b); err != nil {
		return r.fail(err)
	}
	r.place(rec, delta, since)
	r.b = rest
	return true
}

func (r *Reader) fail(err error) bool {
	r.err = err
	r.finish()
	return false
}

// nullable reads bytes and their length. Any negative length is null, as for Kafka's
// own reader (Utils.readBytes), with which the broker validates.
func nullable(b []byte) (field, rest []byte, err error) {
	length, n := varint(b)
	if n <= 0 {
		return nil, nil, varintError(n)
	}
	b = b[n:]
	if length < 0 {
		return nil, b, nil
	}
	if int(length) > len(b) {
		return nil, nil, errEnd
	}
	return b[:length:length], b[length:], nil
}
