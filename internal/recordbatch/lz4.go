package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"

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
	l.Reset(&l.src) // gives its block, up to 4 MiB, back to its pool
}

func (d *Decompressor) lz4Stream() stream {
	if d.lz4State == nil {
		d.lz4State = &lz4Stream{Reader: lz4.NewReader(nil)}
	}
	return d.lz4State
}

const lz4Magic = 0x184d2204

var errLZ4Frame = errors.New("an lz4 stream is not of standard frames")

// checkLZ4 walks the blocks of src, which must be standard frames from end to
// end, as producers write. The library also reads legacy frames, with a call
// within a call for each of their magic numbers: 20 MB of those would end the
// process with a stack overflow, which cannot be recovered from.
func checkLZ4(src []byte) error {
	for {
		var err error
		if src, err = skipLZ4Frame(src); err != nil || len(src) == 0 {
			return err
		}
	}
}

func skipLZ4Frame(b []byte) (rest []byte, err error) {
	if len(b) < 7 {
		return nil, io.ErrUnexpectedEOF
	}
	if binary.LittleEndian.Uint32(b) != lz4Magic {
		return nil, errLZ4Frame
	}
	flags := b[4]
	size := 7 // magic, flags, block size, checksum of the header
	if flags&0x08 != 0 {
		size += 8 // content size
	}
	if flags&0x01 != 0 {
		size += 4 // dictionary, which the library refuses
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
		// The highest bit says that the block is not compressed.
		block := int(binary.LittleEndian.Uint32(b) &^ (1 << 31))
		end = binary.LittleEndian.Uint32(b) == 0
		size = 4 + block
		if end && flags&0x04 != 0 || !end && flags&0x10 != 0 {
			size += 4 // checksum of the content, or of the block
		}
	}
}
