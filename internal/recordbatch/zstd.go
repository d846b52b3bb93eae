package recordbatch

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// zstdMaxWindow is the largest window that Kafka's producers declare, that of zstd's
// level 22.
//
// The Java producer declares the window of its level for any number of bytes, and the
// decoder rejects a window above its memory limit, although it allocates none if all of
// the input is there. So that limit must not be the Decompressor's: the output is
// bounded by the capacity of its buffer.
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
		return nil, fmt.Errorf("creating a zstd decoder: %w", err)
	}
	d.zstdState = dec
	return dec, nil
}

// zstdBlock is the largest decoded size of one block of a frame, and the room after the
// data with which the decoder takes its fast path (compressedBlockOverAlloc in its
// source).
const zstdBlock = 128<<10 + 16

// zstd begins with room for the declared size of the first frame, if there is one, as
// franz-go's may have. Java writes a stream without a size, and more frames may follow.
func (d *Decompressor) zstd(src []byte, room int) ([]byte, error) {
	dec, err := d.zstdDecoder()
	if err != nil {
		return nil, err
	}
	size := 4 * len(src)
	var frame zstd.Header
	if err := frame.Decode(src); err == nil && frame.HasFCS && !frame.Skippable {
		if frame.FrameContentSize > uint64(room) {
			return nil, ErrTooLarge
		}
		size = int(frame.FrameContentSize)
	}
	// The decoder has the same error for a full buffer and a corrupt block. So the
	// error means a corrupt block only if there was room for another block.
	for {
		buf := d.scratch(size+zstdBlock, room+zstdBlock)
		got, err := dec.DecodeAll(src, buf)
		full := len(got) > cap(buf)-zstdBlock || errors.Is(err, zstd.ErrDecoderSizeExceeded)
		switch {
		case err == nil && len(got) <= room:
			return got, nil
		case err == nil || full && cap(buf) >= room+zstdBlock:
			return nil, ErrTooLarge
		case !full:
			return nil, err
		}
		size = 2 * cap(buf)
	}
}
