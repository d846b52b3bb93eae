package recordbatch

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
)

// DefaultLevel is the level of a codec that Kafka's own producer uses: 6 of gzip,
// 1 of lz4, 3 of zstd. Snappy has no levels.
const DefaultLevel = math.MinInt

// HighestLevel returns the highest level of a codec in Kafka's settings; the lowest is
// 1. It is 0 for a codec without levels.
func (c Codec) HighestLevel() int {
	switch c {
	case Gzip:
		return 9
	case LZ4:
		return 17
	case Zstd:
		return 22
	}
	return 0
}

// Compressor compresses batches. It keeps the state of its codec, which AppendCompressed
// uses again. It is not safe for use by several goroutines at once, and needs no
// closing.
type Compressor struct {
	codec Codec

	gzipState *gzip.Writer
	gzipOut   bytes.Buffer
	lz4State  *lz4Encoder
	zstdState *zstd.Encoder
}

// NewCompressor returns a Compressor. The levels of a codec are those of Kafka's
// settings compression.gzip.level (1 to 9), compression.lz4.level (1 to 17, of which
// those above 9 are compressed as 9) and compression.zstd.level (1 to 22, in four
// steps). Another level is an error, and so is one for none and snappy, and a codec
// that Kafka does not have is an ErrCodec.
func NewCompressor(codec Codec, level int) (*Compressor, error) {
	c := &Compressor{codec: codec}
	var err error
	switch codec {
	case None, Snappy:
		if level != DefaultLevel {
			return nil, fmt.Errorf("compression %s has no levels, and level is %d", codec, level)
		}
	case Gzip:
		if level, err = levelOf(codec, level, 6); err != nil {
			return nil, err
		}
		if c.gzipState, err = gzip.NewWriterLevel(&c.gzipOut, level); err != nil {
			return nil, fmt.Errorf("compression gzip: %w", err)
		}
	case LZ4:
		if level, err = levelOf(codec, level, 1); err != nil {
			return nil, err
		}
		c.lz4State = newLZ4Encoder(level)
	case Zstd:
		if level, err = levelOf(codec, level, 3); err != nil {
			return nil, err
		}
		c.zstdState, err = zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.EncoderLevelFromZstd(level)),
			zstd.WithEncoderConcurrency(1),
			zstd.WithEncoderCRC(false), // the batch has a CRC of its own
			zstd.WithLowerEncoderMem(true))
		if err != nil {
			return nil, fmt.Errorf("compression zstd: %w", err)
		}
	default:
		return nil, fmt.Errorf("%w: %s", ErrCodec, codec)
	}
	return c, nil
}

func levelOf(codec Codec, level, normal int) (int, error) {
	if level == DefaultLevel {
		return normal, nil
	}
	highest := codec.HighestLevel()
	if level < 1 || level > highest {
		return 0, fmt.Errorf("compression %s has the levels 1 to %d, and level is %d", codec, highest, level)
	}
	return level, nil
}

// AppendCompressed appends batch with its records compressed. batch must be whole and
// uncompressed, else the error is that of ParseHeader or an ErrCompressed. Its CRC is
// not checked. dst and batch must not overlap; on an error dst is returned with its
// length as it was.
func (c *Compressor) AppendCompressed(dst, batch []byte) ([]byte, error) {
	h, err := parseWhole(batch)
	if err != nil {
		return dst, err
	}
	if h.Codec() != None {
		return dst, fmt.Errorf("compressing the batch at offset %d: %w", h.BaseOffset, ErrCompressed)
	}
	start := len(dst)
	dst = append(dst, batch[:HeaderSize]...)
	records := batch[HeaderSize:]
	if c.codec == None || len(records) == 0 {
		return append(dst, records...), nil
	}
	switch c.codec {
	case Gzip:
		dst, err = c.gzip(dst, records)
	case Snappy:
		dst, err = appendSnappy(dst, records)
	case LZ4:
		dst, err = c.lz4State.append(dst, records)
	case Zstd:
		dst = c.zstdState.EncodeAll(records, dst)
	}
	if err != nil {
		return dst[:start], fmt.Errorf("compressing the batch at offset %d with %s: %w", h.BaseOffset, c.codec, err)
	}
	if len(dst)-start > math.MaxInt32 {
		return dst[:start], fmt.Errorf("compressing the batch at offset %d with %s: %w", h.BaseOffset, c.codec, ErrTooLarge)
	}
	out := dst[start:]
	binary.BigEndian.PutUint16(out[atAttributes:], uint16(h.Attributes)|uint16(c.codec))
	seal(out)
	return dst, nil
}

func (c *Compressor) gzip(dst, records []byte) ([]byte, error) {
	c.gzipOut.Reset()
	c.gzipState.Reset(&c.gzipOut)
	if _, err := c.gzipState.Write(records); err != nil {
		return dst, err
	}
	if err := c.gzipState.Close(); err != nil {
		return dst, err
	}
	return append(dst, c.gzipOut.Bytes()...), nil
}

// appendSnappy writes one block of raw snappy, as librdkafka and franz-go do. Java
// reads it beside the framing of its own library.
func appendSnappy(dst, records []byte) ([]byte, error) {
	size := s2.MaxEncodedLen(len(records))
	if size < 0 {
		return dst, ErrTooLarge
	}
	at := len(dst)
	dst = extend(dst, size)
	return dst[:at+len(s2.EncodeSnappy(dst[at:], records))], nil
}

// extend returns b with size more bytes, of any value.
func extend(b []byte, size int) []byte {
	if cap(b)-len(b) >= size {
		return b[:len(b)+size]
	}
	return append(b, make([]byte, size)...)
}
