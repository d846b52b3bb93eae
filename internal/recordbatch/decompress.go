package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Decompressor undoes the compression of batches. It keeps the state of its
// codecs, and a buffer as large as the largest batch so far needed, from one batch
// to the next. It is not safe for use by several goroutines at once, and needs no
// closing.
type Decompressor struct {
	limit int
	buf   []byte // where records of unknown size are decompressed to

	gzipState *gzipStream
	lz4State  *lz4Stream
	zstdState *zstd.Decoder
}

// NewDecompressor makes a Decompressor for batches of at most limit bytes each,
// header included, once they are uncompressed.
func NewDecompressor(limit int) *Decompressor {
	return &Decompressor{limit: min(limit, math.MaxInt32)}
}

// AppendUncompressed appends the batch without compression: the same header but
// for the codec in its attributes, its length and its CRC, and the same records.
// batch must be whole, as Next gives it; its CRC is not checked again. dst and
// batch must not overlap. A dst whose capacity is enough is written to and given
// back; what lies in it behind its length is lost in any case.
//
// A batch that is larger than the limit, even one that is not compressed, is an
// ErrTooLarge: whatever it claims, no more memory is taken than about three times
// the limit, at the moments when a buffer grows, and 8 MiB for the blocks of lz4.
// Other errors are those of ParseHeader, ErrCodec, and ErrCorrupt for what the
// codec cannot read. On an error dst is given back with its length as it was.
func (d *Decompressor) AppendUncompressed(dst, batch []byte) ([]byte, error) {
	h, err := parseWhole(batch)
	if err != nil {
		return dst, err
	}
	room := d.limit - HeaderSize
	if room < 0 {
		return dst, d.tooLarge(h, ErrTooLarge)
	}
	if h.Codec() == None {
		if len(batch) > d.limit {
			return dst, d.tooLarge(h, ErrTooLarge)
		}
		return appendExactly(dst, batch), nil
	}
	header, payload := batch[:HeaderSize], batch[HeaderSize:]
	var out []byte
	if len(payload) == 0 && h.Records == 0 {
		// The log cleaner leaves the header alone of a batch that lost all of
		// its records: nothing is not a stream of any codec.
		out = appendExactly(dst, header)
	} else {
		out, err = d.appendRecords(dst, header, payload, h.Codec(), room)
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return dst, d.tooLarge(h, err)
	case err != nil:
		return dst, fmt.Errorf("undoing %s of the batch at offset %d: %w", h.Codec(), h.BaseOffset, err)
	}
	b := out[len(dst):]
	binary.BigEndian.PutUint16(b[atAttributes:], uint16(h.Attributes)&^AttrCodec)
	seal(b)
	return out, nil
}

func (d *Decompressor) tooLarge(h Header, err error) error {
	return fmt.Errorf("undoing %s of the batch at offset %d, of %d bytes: %w: beyond the limit of %d bytes",
		h.Codec(), h.BaseOffset, h.Size(), err, d.limit)
}

// appendRecords appends the header as it is, and what src decompresses to, at
// most room bytes of it.
func (d *Decompressor) appendRecords(dst, header, src []byte, codec Codec, room int) (out []byte, err error) {
	switch codec {
	case Gzip:
		out, err = d.appendStream(dst, header, src, d.gzipStream(), room)
	case Snappy:
		out, err = appendSnappy(dst, header, src, room)
	case LZ4:
		out, err = d.appendLZ4(dst, header, src, room)
	case Zstd:
		out, err = d.appendZstd(dst, header, src, room)
	default:
		return nil, fmt.Errorf("%w: %s", ErrCodec, codec)
	}
	if err != nil && !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return out, err
}

// minBuffer is what a buffer for records of unknown size begins with.
const minBuffer = 64 << 10

// scratch gives the buffer with the header in it, and room for at least size
// bytes of records where the limit allows it. Its capacity is that of the header
// and limit bytes of records at most.
func (d *Decompressor) scratch(header []byte, size, limit int) []byte {
	limit += len(header)
	size = min(max(len(header)+size, minBuffer), limit)
	if cap(d.buf) < size {
		d.buf = make([]byte, 0, size)
	}
	return append(d.buf[:0:min(cap(d.buf), limit)], header...)
}

// grow gives what scratch gave with room for at least size bytes more where the
// limit allows it, which is that of scratch.
func (d *Decompressor) grow(buf []byte, size, limit int) []byte {
	limit += HeaderSize
	size = min(len(buf)+size, limit)
	if cap(buf) < size {
		buf = append(make([]byte, 0, min(max(2*cap(buf), size), limit)), buf...)
		d.buf = buf
	}
	return buf
}

// appendExactly appends a whole batch. Unlike append it allocates nothing for
// later, because nothing comes later, and at most once: a dst of nil becomes a
// message of its own size. That is the common case, and the reason why records
// of unknown size are decompressed behind the header: append, unlike make, does
// not clear what it is about to write.
func appendExactly(dst, batch []byte) []byte {
	if len(dst) > 0 && cap(dst)-len(dst) < len(batch) {
		dst = append(make([]byte, 0, len(dst)+len(batch)), dst...)
	}
	return append(dst, batch...)
}

// begin appends the header, with room for n bytes of records after it, as
// appendExactly does.
func begin(dst, header []byte, n int) []byte {
	if cap(dst)-len(dst) < len(header)+n {
		dst = append(make([]byte, 0, len(dst)+len(header)+n), dst...)
	}
	return append(dst, header...)
}
