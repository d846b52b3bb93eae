package recordbatch

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// Producible makes batches of a log into batches that a producer may send to another
// partition. It keeps the state of its codecs, and is not safe for use by several
// goroutines at once.
type Producible struct {
	limit       int
	decompress  *Decompressor
	compressors [Zstd + 1]*Compressor
	builder     Builder
	plain       []byte
}

// NewProducible returns a Producible for batches of at most limit bytes once they are
// decompressed.
func NewProducible(limit int) *Producible {
	return &Producible{limit: limit, decompress: NewDecompressor(limit)}
}

// Append appends batch with base offset 0 and without producer id, epoch, sequence,
// the transactional bit, or any other mark of the log it was read from. The records
// and their compression stay as they are, unless
//
//   - the log cleaner has removed some: a broker accepts no gaps between offsets;
//   - the broker set their time: a broker accepts no batch that says so, and the time
//     becomes that of each record.
//
// Those are decompressed and compressed again, by the same codec.
//
// The CRC is checked first, so that a damaged batch does not get a CRC that hides it.
// Errors are those of Check and of Decompressor.Reader, ErrRecords for a control batch
// and for a batch without records. dst and batch must not overlap; on an error dst is
// returned with its length as it was.
func (p *Producible) Append(dst, batch []byte) ([]byte, error) {
	h, err := parseWhole(batch)
	if err != nil {
		return dst, err
	}
	if keepsRecords(h) {
		return appendWith(dst, asProduced(h), h, batch)
	}
	switch err := checkCRC(h, batch); {
	case err != nil:
		return dst, err
	case h.Control():
		return dst, fmt.Errorf("%w: the batch at offset %d is a control batch", ErrRecords, h.BaseOffset)
	case h.Records == 0:
		return dst, fmt.Errorf("%w: the batch at offset %d has none", ErrRecords, h.BaseOffset)
	}
	return p.rebuild(dst, batch, h.Codec())
}

// Ready returns the header of batch and reports whether batch can be sent as it is: Append
// would copy it without a change. The CRC is checked. Append returns why a batch cannot be
// made ready; if it can, its number of records stays the same.
func Ready(batch []byte) (Header, bool) {
	h, ok := ReadySealed(batch)
	return h, ok && checkCRC(h, batch) == nil
}

// ReadySealed is Ready for a batch whose CRC is known to be right.
func ReadySealed(batch []byte) (Header, bool) {
	h, err := parseWhole(batch)
	return h, err == nil && keepsRecords(h) && asProduced(h) == h
}

// keepsRecords reports whether a broker accepts the records of a batch under another header.
func keepsRecords(h Header) bool {
	gaps := int64(h.Records) != int64(h.LastOffsetDelta)+1
	return !h.Control() && h.Records > 0 && !gaps && !h.LogAppendTime()
}

// asProduced returns the header under which a producer without an id sends a batch. The CRC
// is still that of h.
func asProduced(h Header) Header {
	return Header{
		Length: h.Length, LeaderEpoch: -1, Magic: 2, CRC: h.CRC, Attributes: h.Attributes & AttrCodec,
		LastOffsetDelta: h.LastOffsetDelta, Records: h.Records,
		FirstTimestamp: h.FirstTimestamp, MaxTimestamp: h.MaxTimestamp,
		ProducerID: -1, ProducerEpoch: -1, BaseSequence: -1,
	}
}

// appendWith appends batch, whose header is h, with another header. A batch is larger than
// a cache, so its CRC is checked and the new one computed while a part of it is copied.
func appendWith(dst []byte, other, h Header, batch []byte) ([]byte, error) {
	start := len(dst)
	dst = other.append(dst)
	was := crc32.Checksum(batch[atAttributes:HeaderSize], castagnoli)
	is := crc32.Checksum(dst[start+atAttributes:], castagnoli)
	same := is == was // so will be the CRCs of all bytes
	for rest := batch[HeaderSize:]; len(rest) > 0; {
		part := rest[:min(len(rest), 16<<10)]
		rest = rest[len(part):]
		dst = append(dst, part...)
		if was = crc32.Update(was, castagnoli, part); !same {
			is = crc32.Update(is, castagnoli, part)
		}
	}
	if was != h.CRC {
		return dst[:start], crcError(h, was)
	}
	if same {
		is = was
	}
	binary.BigEndian.PutUint32(dst[start+atCRC:], is)
	return dst, nil
}

func (p *Producible) rebuild(dst, batch []byte, codec Codec) ([]byte, error) {
	r, err := p.decompress.Reader(batch)
	if err != nil {
		return dst, err
	}
	p.builder.Begin(p.plain[:0])
	var rec Record
	for r.Next(&rec) {
		p.builder.Append(&rec)
	}
	if err := r.Err(); err != nil {
		return dst, err
	}
	if p.plain, err = p.builder.Finish(); err != nil {
		return dst, err
	}
	if p.compressors[codec] == nil {
		if p.compressors[codec], err = NewCompressor(codec, DefaultLevel); err != nil {
			return dst, err
		}
	}
	return p.compressors[codec].AppendCompressed(dst, p.plain)
}
