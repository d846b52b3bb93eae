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
	if d.zstd != nil {
		return d.zstd, nil
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
	d.zstd = dec
	return dec, nil
}

// appendZstd decodes into dst where the first frame tells its size (franz-go's
// and librdkafka's do), and otherwise through the buffer (Java's, a stream).
func (d *Decompressor) appendZstd(dst, src []byte, room int) ([]byte, error) {
	dec, err := d.zstdDecoder()
	if err != nil {
		return dst, err
	}
	var frame zstd.Header
	if err := frame.Decode(src); err == nil && frame.HasFCS && !frame.Skippable {
		if frame.FrameContentSize > uint64(room) {
			return dst, ErrTooLarge
		}
		size := int(frame.FrameContentSize)
		out := grown(dst, size+zstdSlack)
		at := len(out)
		got, err := dec.DecodeAll(src, out[at:at:at+size+zstdSlack])
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded): // more frames follow
		case err != nil:
			return dst, err
		case len(got) > room:
			return dst, ErrTooLarge
		default:
			return appendDecoded(out, got), nil
		}
	}
	for size := 4 * len(src); ; {
		buf := d.scratch(size, room+zstdSlack)
		got, err := dec.DecodeAll(src, buf)
		switch {
		case errors.Is(err, zstd.ErrDecoderSizeExceeded) && cap(buf) < room+zstdSlack:
			size = 2 * cap(buf)
		case errors.Is(err, zstd.ErrDecoderSizeExceeded) || err == nil && len(got) > room:
			return dst, ErrTooLarge
		case err != nil:
			return dst, err
		default:
			return appendExactly(dst, got), nil
		}
	}
}

// appendDecoded takes what was decoded behind dst, in dst's own array if the
// decoder had no need of another.
func appendDecoded(dst, got []byte) []byte {
	if at := len(dst); len(got) > 0 && cap(dst) > at && &dst[:at+1][at] == &got[0] {
		return dst[:at+len(got)]
	}
	return appendExactly(dst, got)
}
