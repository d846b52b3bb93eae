package recordbatch

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// zstdSlack is the room behind the data with which the decoder takes its fast
// path (compressedBlockOverAlloc in its source).
const zstdSlack = 16

// zstdMaxWindow is the largest window that Kafka's producers declare, that of
// zstd's level 22.
//
// The Java producer declares the window of its level however few bytes follow,
// and the decoder refuses a window above its limit of memory, although it
// allocates none when all of the input is there. So that limit must not be the
// Decompressor's: what bounds the output is the capacity of the buffer it is
// decoded into.
const zstdMaxWindow = 128 << 20

func (d *Decompressor) zstdDecoder() (*zstd.Decoder, error) {
	if d.zstdState != nil {
		return d.zstdState, nil
	}
	dec, err := zstd.NewReader(nil,
		zstd.WithDecoderConcurrency(1),
		zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(zstdMaxWindow),
		zstd.WithDecoderMaxMemory(max(zstdMaxWindow, uint64(d.limit))),
		zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, fmt.Errorf("making a zstd decoder: %w", err)
	}
	d.zstdState = dec
	return dec, nil
}

// zstdBlock is the most that one block of a frame decodes to, with the slack.
const zstdBlock = 128<<10 + zstdSlack

// appendZstd decodes into dst where the first frame tells its size, as franz-go's
// may, and otherwise, or if more frames follow, through the buffer: Java's is a
// stream and does not.
func (d *Decompressor) appendZstd(dst, header, src []byte, room int) ([]byte, error) {
	dec, err := d.zstdDecoder()
	if err != nil {
		return nil, err
	}
	var frame zstd.Header
	if err := frame.Decode(src); err == nil && frame.HasFCS && !frame.Skippable {
		if frame.FrameContentSize > uint64(room) {
			return nil, ErrTooLarge
		}
		size := int(frame.FrameContentSize)
		out := begin(dst, header, size+zstdSlack)
		at := len(out)
		got, err := dec.DecodeAll(src, out[at:at:at+size+zstdSlack])
		if err == nil && len(got) <= room {
			if inPlace := len(got) > 0 && &got[0] == &out[:at+1][at]; inPlace {
				return out[:at+len(got)], nil
			}
			return append(out, got...), nil
		}
	}
	// The decoder fails in the same way at a full buffer and at a block that is
	// corrupt. So a failure means the latter only where another block had room.
	for size := 4 * len(src); ; {
		buf := d.scratch(header, size+zstdBlock, room+zstdBlock)
		got, err := dec.DecodeAll(src, buf)
		full := len(got) > cap(buf)-zstdBlock || errors.Is(err, zstd.ErrDecoderSizeExceeded)
		fits := len(got) <= len(header)+room
		switch {
		case err == nil && fits:
			return appendExactly(dst, got), nil
		case err == nil || full && cap(buf) >= len(header)+room+zstdBlock:
			return nil, ErrTooLarge
		case !full:
			return nil, err
		}
		size = 2 * cap(buf)
	}
}
