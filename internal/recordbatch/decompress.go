package recordbatch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/klauspost/compress/zstd"
)

// Decompressor decompresses batches. It keeps the state of its codecs and a buffer for
// the records of the current batch. It must not be used by several goroutines at once,
// and needs no closing.
type Decompressor struct {
	limit int
	buf   []byte // the records of the current batch

	gzipState *gzipStream
	lz4State  *lz4Stream
	zstdState *zstd.Decoder
}

// NewDecompressor returns a Decompressor for batches of at most limit bytes each when
// decompressed, including the header.
func NewDecompressor(limit int) *Decompressor {
	return &Decompressor{limit: min(limit, math.MaxInt32)}
}

// Reader returns a Reader for any batch, compressed or not. batch must be whole, as
// Next returns it; its CRC is not checked again. The records of a compressed batch are
// in the buffer of d, which the next call overwrites; those of an uncompressed one are
// in batch.
//
// A batch that is larger than the limit, even an uncompressed one, is an ErrTooLarge:
// whatever size it declares, it takes at most about three times the limit, while a
// buffer grows, and 8 MiB for the blocks of lz4. Other errors are those of ParseHeader,
// ErrCodec, and ErrCorrupt for bytes that the codec cannot read.
func (d *Decompressor) Reader(batch []byte) (Reader, error) {
	h, records, err := d.records(batch)
	if err != nil {
		return Reader{}, err
	}
	return readerOf(h, records), nil
}

// CheckingReader is Reader and Check. The CRC of a compressed batch is checked before
// it is decompressed, that of an uncompressed one as in NewCheckingReader.
func (d *Decompressor) CheckingReader(batch []byte) (Reader, error) {
	if h, err := ParseHeader(batch); err == nil && h.Codec() == None && len(batch) <= d.limit {
		return NewCheckingReader(batch)
	}
	if _, err := Check(batch); err != nil {
		return Reader{}, err
	}
	return d.Reader(batch)
}

// AppendUncompressed appends the batch without compression: the same records, and the
// same header except for the codec in its attributes, its length and its CRC. dst and
// batch must not overlap. Errors and limit are those of Reader. On an error dst is
// returned with its old length.
func (d *Decompressor) AppendUncompressed(dst, batch []byte) ([]byte, error) {
	h, records, err := d.records(batch)
	if err != nil {
		return dst, err
	}
	// At most one allocation, without spare capacity: a nil dst becomes a message of
	// exactly its size.
	if len(dst) > 0 && cap(dst)-len(dst) < HeaderSize+len(records) {
		dst = append(make([]byte, 0, len(dst)+HeaderSize+len(records)), dst...)
	} else if cap(dst) < HeaderSize+len(records) {
		dst = make([]byte, 0, HeaderSize+len(records))
	}
	at := len(dst)
	dst = append(append(dst, batch[:HeaderSize]...), records...)
	if h.Codec() != None {
		binary.BigEndian.PutUint16(dst[at+atAttributes:], uint16(h.Attributes)&^AttrCodec)
		seal(dst[at:])
	}
	return dst, nil
}

// records returns the decompressed bytes after the header of a batch.
func (d *Decompressor) records(batch []byte) (h Header, records []byte, err error) {
	h, err = parseWhole(batch)
	if err != nil {
		return h, nil, err
	}
	room, payload := d.limit-HeaderSize, batch[HeaderSize:]
	switch {
	case room < 0:
		err = ErrTooLarge
	case h.Codec() == None:
		if records = payload; len(records) > room {
			err = ErrTooLarge
		}
	case len(payload) == 0 && h.Records == 0:
		// The log cleaner leaves only the header of a batch that has lost all its
		// records. No codec accepts zero bytes.
	default:
		records, err = d.decompress(payload, h.Codec(), room)
	}
	switch {
	case errors.Is(err, ErrTooLarge):
		return h, nil, fmt.Errorf("decompressing the batch at offset %d, of %d bytes with %s: %w: beyond the limit of %d bytes",
			h.BaseOffset, h.Size(), h.Codec(), err, d.limit)
	case err != nil:
		return h, nil, fmt.Errorf("decompressing the batch at offset %d with %s: %w", h.BaseOffset, h.Codec(), err)
	}
	return h, records, nil
}

// decompress returns src decompressed, at most room bytes of it.
func (d *Decompressor) decompress(src []byte, codec Codec, room int) (out []byte, err error) {
	switch codec {
	case Gzip:
		out, err = d.stream(src, d.gzipStream(), room)
	case Snappy:
		out, err = d.snappy(src, room)
	case LZ4:
		out, err = d.lz4(src, room)
	case Zstd:
		out, err = d.zstd(src, room)
	default:
		return nil, fmt.Errorf("%w: %s", ErrCodec, codec)
	}
	if err != nil && !errors.Is(err, ErrTooLarge) {
		err = fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	return out, err
}

const (
	minBuffer = 64 << 10
	// spareBuffer is the size that the buffer may keep when batches are much smaller. A
	// block of lz4 takes 4 MiB.
	spareBuffer = 8 << 20
)

// scratch returns the empty buffer with room for at least size bytes, if the limit
// allows it. Its capacity is at most limit.
func (d *Decompressor) scratch(size, limit int) []byte {
	size = min(max(size, minBuffer), limit)
	if cap(d.buf) < size || cap(d.buf) > max(spareBuffer, 4*size) {
		d.buf = make([]byte, 0, size)
	}
	return d.buf[:0:min(cap(d.buf), limit)]
}

// grow returns the buffer of scratch with room for at least size more bytes, if its
// limit allows it.
func (d *Decompressor) grow(buf []byte, size, limit int) []byte {
	size = min(len(buf)+size, limit)
	if cap(buf) < size {
		buf = append(make([]byte, 0, min(max(2*cap(buf), size), limit)), buf...)
		d.buf = buf
	}
	return buf
}
