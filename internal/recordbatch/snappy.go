package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// xerialMagic begins the framing of the Java library snappy-java. Version and
// compatible version follow, 4 bytes each, then blocks of raw snappy, each
// behind its length (SnappyCodec and SnappyInputStream of snappy-java).
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderSize = 16

var errXerial = errors.New("a snappy block has a wrong length")

func appendSnappy(dst, src []byte, room int) ([]byte, error) {
	if len(src) < xerialHeaderSize || !bytes.HasPrefix(src, xerialMagic) {
		size, err := s2.DecodedLen(src)
		if err != nil {
			return dst, err
		}
		if size > room {
			return dst, ErrTooLarge
		}
		return appendSnappyBlock(grown(dst, size), src, size)
	}
	src = src[xerialHeaderSize:]
	total := 0
	for b := src; len(b) > 0; {
		block, rest, err := xerialBlock(b)
		if err != nil {
			return dst, err
		}
		size, err := s2.DecodedLen(block)
		if err != nil {
			return dst, err
		}
		if size > room-total {
			return dst, ErrTooLarge
		}
		total += size
		b = rest
	}
	out := grown(dst, total)
	for b := src; len(b) > 0; {
		block, rest, err := xerialBlock(b)
		if err != nil {
			return dst, err
		}
		size, err := s2.DecodedLen(block)
		if err != nil {
			return dst, err
		}
		if out, err = appendSnappyBlock(out, block, size); err != nil {
			return dst, err
		}
		b = rest
	}
	return out, nil
}

func xerialBlock(b []byte) (block, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errXerial
	}
	size := int64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if size > int64(len(b)) {
		return nil, nil, errXerial
	}
	return b[:size], b[size:], nil
}

// appendSnappyBlock decodes into the room that dst has for size bytes.
func appendSnappyBlock(dst, block []byte, size int) ([]byte, error) {
	end := len(dst) + size
	if _, err := s2.Decode(dst[len(dst):end:end], block); err != nil {
		return dst, err
	}
	return dst[:end], nil
}
