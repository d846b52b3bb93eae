package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"

	"github.com/pierrec/lz4/v4"
)

type lz4Stream struct {
	*lz4.Reader
	src bytes.Reader
}

func (l *lz4Stream) open(src []byte) error {
	if err := checkLZ4(src); err != nil {
		return err
	}
	l.src.Reset(src)
	l.Reset(&l.src)
	return nil
}

func (l *lz4Stream) release() {
	l.src.Reset(nil)
	l.Reset(&l.src) // returns its block of up to 4 MiB to its pool
}

func (d *Decompressor) lz4Stream() stream {
	if d.lz4State == nil {
		d.lz4State = &lz4Stream{Reader: lz4.NewReader(nil)}
	}
	return d.lz4State
}

// lz4 is a faster stream, for frames whose blocks do not depend on each other, as
// written by all known producers: it decompresses the blocks in place instead of
// copying them there.
//
// The checksums of the frames' headers, blocks and contents are not verified: the
// CRC-32C of the batch, which is checked before decompression, covers the same bytes.
// xxHash takes twice as long as the decompression.
//
// Failures are left to the library's Reader. UncompressBlock has one error for a
// corrupt block and for a block that is larger than the room, and the time for a batch
// that is rejected does not matter.
func (d *Decompressor) lz4(src []byte, room int) ([]byte, error) {
	if checkLZ4(src) == nil {
		if out, ok := d.lz4Blocks(src, room); ok {
			return out, nil
		}
	}
	return d.stream(src, d.lz4Stream(), room)
}

// lz4Blocks decompresses bytes that checkLZ4 has accepted. ok is false for frames that
// it does not support, and for corrupt or too large ones.
func (d *Decompressor) lz4Blocks(src []byte, room int) (buf []byte, ok bool) {
	buf = d.scratch(4*len(src), room)
	for len(src) > 0 {
		flags, sizes := src[4], src[5]
		if flags&lz4FlagsMask != lz4FlagsPlain || sizes&lz4SizesMask != 0 || sizes < lz4Sizes64KiB {
			return nil, false
		}
		start, claimed := len(buf), -1
		at := lz4HeaderSize
		if flags&lz4ContentSize != 0 {
			claimed = int(min(binary.LittleEndian.Uint64(src[6:]), math.MaxInt))
			at += 8
		}
		blockSize := 1 << (8 + 2*(sizes>>4))
		for {
			word := binary.LittleEndian.Uint32(src[at:])
			at += 4
			if word == 0 {
				break
			}
			n := int(word &^ lz4Stored)
			block := src[at : at+n]
			if at += n; flags&lz4BlockChecksum != 0 {
				at += 4
			}
			buf = d.grow(buf, blockSize, room)
			to := buf[len(buf):min(len(buf)+blockSize, cap(buf))]
			if word&lz4Stored != 0 {
				if n > len(to) {
					return nil, false
				}
				n = copy(to, block)
			} else {
				var err error
				if n > blockSize {
					return nil, false
				}
				if n, err = lz4.UncompressBlock(block, to); err != nil {
					return nil, false
				}
			}
			buf = buf[:len(buf)+n]
		}
		if flags&lz4ContentChecksum != 0 {
			at += 4
		}
		if claimed >= 0 && claimed != len(buf)-start {
			return nil, false
		}
		src = src[at:]
	}
	return buf, true
}

const (
	lz4Magic      = 0x184d2204
	lz4HeaderSize = 7 // magic, flags, sizes, checksum of the header; without the optional fields

	lz4Dictionary      = 0x01 // the library rejects those
	lz4ContentChecksum = 0x04
	lz4ContentSize     = 0x08
	lz4BlockChecksum   = 0x10
	// Version 1, independent blocks, no dictionary, and no reserved bits.
	lz4FlagsMask  = 0xe3
	lz4FlagsPlain = 0x60

	lz4SizesMask  = 0x8f // reserved
	lz4Sizes64KiB = 0x40 // the smallest size

	// lz4Stored, in the size of a block, means that it is not compressed.
	lz4Stored = 1 << 31
)

var errLZ4Frame = errors.New("an lz4 stream does not consist of standard frames")

// checkLZ4 walks the blocks of src, which must consist of standard frames, as producers
// write. The library also reads legacy frames, with a recursive call for each of their
// magic numbers: 20 MB of those would crash the process with a stack overflow, which
// cannot be recovered.
func checkLZ4(src []byte) error {
	for {
		var err error
		if src, err = skipLZ4Frame(src); err != nil || len(src) == 0 {
			return err
		}
	}
}

func skipLZ4Frame(b []byte) (rest []byte, err error) {
	if len(b) < lz4HeaderSize {
		return nil, io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(b) != lz4Magic {
		return nil, errLZ4Frame
	}
	flags := b[4]
	size := lz4HeaderSize
	if flags&lz4ContentSize != 0 {
		size += 8
	}
	if flags&lz4Dictionary != 0 {
		size += 4
	}
	for end := false; ; {
		if len(b) < size {
			return nil, io.ErrUnexpectedEOF
		}
		b = b[size:]
		if end {
			return b, nil
		}
		if len(b) < 4 {
			return nil, io.ErrUnexpectedEOF
		}
		block := int(binary.LittleEndian.Uint32(b) &^ lz4Stored)
		end = binary.LittleEndian.Uint32(b) == 0
		size = 4 + block
		if end && flags&lz4ContentChecksum != 0 || !end && flags&lz4BlockChecksum != 0 {
			size += 4
		}
	}
}
