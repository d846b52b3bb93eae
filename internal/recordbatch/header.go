// Package recordbatch reads and writes the batches of records of Kafka's log,
// message format v2 (magic 2, since Kafka 0.11), as bytes: it walks the batches
// of a fetched partition, decompresses them within a bound, and reads
// their records in place, without an object per record.
//
// A RecordBatch is atomic and immutable: producer, broker and consumer see the
// same bytes. So what is computed from one batch alone can be computed again,
// by anyone, with the same result.
//
// A batch is 61 bytes of header, big endian, and the records, which the codec in
// the attributes compresses together:
//
//	 0 base offset       int64   23 last offset delta int32
//	 8 length            int32   27 base timestamp    int64
//	12 leader epoch      int32   35 max timestamp     int64
//	16 magic             int8    43 producer id       int64
//	17 CRC-32C           uint32  51 producer epoch    int16
//	21 attributes        int16   53 base sequence     int32
//	                             57 record count      int32
//
// The length counts what follows it; the CRC covers what follows it, so neither
// the base offset nor the leader epoch, which the broker sets. The format is
// that of org.apache.kafka.common.record.DefaultRecordBatch and DefaultRecord.
package recordbatch

import (
	"encoding/binary"
	"fmt"
	"math"
)

// HeaderSize is the size in bytes of the part of a batch before its records.
const HeaderSize = 61

// lengthEnd is where Header.Length begins to count: after the base offset and the
// length itself.
const lengthEnd = 12

// Positions of fields that are read or set on their own.
const (
	atLength     = 8
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
)

// Bits of Header.Attributes.
const (
	AttrCodec         = 0x07 // mask of the Codec
	AttrLogAppendTime = 0x08
	AttrTransactional = 0x10
	AttrControl       = 0x20
	AttrDeleteHorizon = 0x40
)

// Codec is the compression of a batch's records.
type Codec int8

// The codecs of Kafka. 5 to 7 are not assigned.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	Zstd
)

// String returns the name in Kafka's setting compression.type.
func (c Codec) String() string {
	switch c {
	case None:
		return "none"
	case Gzip:
		return "gzip"
	case Snappy:
		return "snappy"
	case LZ4:
		return "lz4"
	case Zstd:
		return "zstd"
	}
	return fmt.Sprintf("codec %d", int8(c))
}

// Header is a batch without its records. Timestamps are milliseconds since the Unix
// epoch.
type Header struct {
	BaseOffset      int64
	Length          int32 // bytes after this field: Size minus 12
	LeaderEpoch     int32
	Magic           int8
	CRC             uint32
	Attributes      int16
	LastOffsetDelta int32 // kept when compaction removes the last record
	// FirstTimestamp is the base of the records' timestamps: the timestamp of the first
	// record or, with AttrDeleteHorizon, the time from which the log cleaner may remove
	// the batch's tombstones and markers. -1 if the cleaner has removed all records.
	FirstTimestamp int64
	MaxTimestamp   int64
	ProducerID     int64 // -1 without an idempotent producer
	ProducerEpoch  int16
	BaseSequence   int32
	Records        int32 // fewer than LastOffsetDelta+1 after compaction
}

// Codec returns the compression of the records. It may be one that is not assigned.
func (h Header) Codec() Codec { return Codec(h.Attributes & AttrCodec) }

// Transactional reports whether the batch is part of a transaction. The aborted
// transactions in the fetch response decide whether it counts.
func (h Header) Transactional() bool { return h.Attributes&AttrTransactional != 0 }

// Control reports whether the batch was written by the broker and contains a marker
// instead of records of a producer. See ControlTypeOf.
func (h Header) Control() bool { return h.Attributes&AttrControl != 0 }

// LogAppendTime reports whether the broker set the timestamps: that of each record is
// MaxTimestamp.
func (h Header) LogAppendTime() bool { return h.Attributes&AttrLogAppendTime != 0 }

// DeleteHorizon reports whether FirstTimestamp was set by the log cleaner. Timestamps
// of records are still relative to it.
func (h Header) DeleteHorizon() bool { return h.Attributes&AttrDeleteHorizon != 0 }

// LastOffset returns the offset of the last record that the batch was written with. The
// next batch begins after it.
func (h Header) LastOffset() int64 { return h.BaseOffset + int64(h.LastOffsetDelta) }

// Size returns the size of the whole batch in bytes.
func (h Header) Size() int { return int(h.Length) + lengthEnd }

// ParseHeader reads the header at the beginning of b, which may end anywhere after it.
// The errors are ErrMagic, ErrCorrupt if the fields contradict each other, and
// ErrPartial if b is shorter than the header.
func ParseHeader(b []byte) (Header, error) {
	// The magic first: messages of the old formats have it at the same position, and
	// may be shorter than this header.
	if len(b) <= atMagic {
		return Header{}, ErrPartial
	}
	be := binary.BigEndian
	base, length := int64(be.Uint64(b)), int32(be.Uint32(b[atLength:]))
	if magic := int8(b[atMagic]); magic != 2 {
		return Header{}, fmt.Errorf("%w: magic %d at offset %d", ErrMagic, magic, base)
	}
	if length < HeaderSize-lengthEnd {
		return Header{}, fmt.Errorf("%w: a length of %d at offset %d", ErrCorrupt, length, base)
	}
	if len(b) < HeaderSize {
		return Header{}, ErrPartial
	}
	h := Header{
		BaseOffset:      base,
		Length:          length,
		LeaderEpoch:     int32(be.Uint32(b[12:])),
		Magic:           2,
		CRC:             be.Uint32(b[atCRC:]),
		Attributes:      int16(be.Uint16(b[atAttributes:])),
		LastOffsetDelta: int32(be.Uint32(b[23:])),
		FirstTimestamp:  int64(be.Uint64(b[27:])),
		MaxTimestamp:    int64(be.Uint64(b[35:])),
		ProducerID:      int64(be.Uint64(b[43:])),
		ProducerEpoch:   int16(be.Uint16(b[51:])),
		BaseSequence:    int32(be.Uint32(b[53:])),
		Records:         int32(be.Uint32(b[57:])),
	}
	return h, h.check()
}

// check rejects headers that no log can have, so that offsets computed from one never
// decrease or overflow.
func (h Header) check() error {
	switch {
	case h.BaseOffset < 0:
		return fmt.Errorf("%w: a base offset of %d", ErrCorrupt, h.BaseOffset)
	case h.LastOffsetDelta < 0 || h.BaseOffset > math.MaxInt64-1-int64(h.LastOffsetDelta):
		return fmt.Errorf("%w: a last offset delta of %d at offset %d", ErrCorrupt, h.LastOffsetDelta, h.BaseOffset)
	case h.Records < 0 || int64(h.Records) > int64(h.LastOffsetDelta)+1:
		return fmt.Errorf("%w: %d records in the %d offsets from %d on",
			ErrCorrupt, h.Records, int64(h.LastOffsetDelta)+1, h.BaseOffset)
	}
	return nil
}

// append appends h unchanged.
func (h Header) append(dst []byte) []byte {
	be := binary.BigEndian
	dst = be.AppendUint64(dst, uint64(h.BaseOffset))
	dst = be.AppendUint32(dst, uint32(h.Length))
	dst = be.AppendUint32(dst, uint32(h.LeaderEpoch))
	dst = append(dst, byte(h.Magic))
	dst = be.AppendUint32(dst, h.CRC)
	dst = be.AppendUint16(dst, uint16(h.Attributes))
	dst = be.AppendUint32(dst, uint32(h.LastOffsetDelta))
	dst = be.AppendUint64(dst, uint64(h.FirstTimestamp))
	dst = be.AppendUint64(dst, uint64(h.MaxTimestamp))
	dst = be.AppendUint64(dst, uint64(h.ProducerID))
	dst = be.AppendUint16(dst, uint16(h.ProducerEpoch))
	dst = be.AppendUint32(dst, uint32(h.BaseSequence))
	return be.AppendUint32(dst, uint32(h.Records))
}
