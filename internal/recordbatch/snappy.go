package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"
)

// xerialMagic begins the framing of the Java library snappy-java. Version and
// compatible version follow, 4 bytes each, then blocks of raw snappy, each after its
// length (SnappyCodec and SnappyInputStream of snappy-java).
var xerialMagic = []byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0}

const xerialHeaderSize = 16

var errXerial = errors.New("a snappy block has a wrong length")

func (d *Decompressor) snappy(src []byte, room int) ([]byte, error) {
	if len(src) < xerialHeaderSize || !bytes.HasPrefix(src, xerialMagic) {
		size, err := s2.DecodedLen(src)
		if err != nil {
			return nil, err
		}
		if size > room {
			return nil, ErrTooLarge
		}
		return appendSnappyBlock(d.scratch(size, room), src, size)
	}
	src = src[xerialHeaderSize:]
	total := 0
	for b := src; len(b) > 0; {
		_, size, rest, err := xerialBlock(b)
		if err != nil {
			return nil, err
		}
		if size > room-total {
			return nil, ErrTooLarge
		}
		total, b = total+size, rest
	}
	out := d.scratch(total, room)
	for b := src; len(b) > 0; {
		block, size, rest, err := xerialBlock(b)
		if err != nil {
			return nil, err
		}
		if out, err = appendSnappyBlock(out, block, size); err != nil {
			return nil, err
		}
		b = rest
	}
	return out, nil
}

// xerialBlock splits the first block off b, and returns its declared decoded size.
func xerialBlock(b []byte) (block []byte, size int, rest []byte, err error) {
	if len(b) < 4 {
		return nil, 0, nil, errXerial
	}
	n := int64(binary.BigEndian.Uint32(b))
	b = b[4:]
	if n > int64(len(b)) {
		return nil, 0, nil, errXerial
	}
	size, err = s2.DecodedLen(b[:n])
	return b[:n], size, b[n:], err
}

// appendSnappyBlock decodes into the room that dst has for size bytes.
func appendSnappyBlock(dst, block []byte, size int) ([]byte, error) {
	end := len(dst) + size
	if _, err := s2.Decode(dst[len(dst):end:end], block); err != nil {
		return nil, err
	}
	return dst[:end], nil
}
