package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// xerial frames snappy as the Java producer does, in blocks of at most size bytes
// before compression.
func xerial(b []byte, size int) []byte {
	out := append(bytes.Clone(xerialMagic), 0, 0, 0, 1, 0, 0, 0, 1)
	for len(b) > 0 {
		n := min(size, len(b))
		block := s2.EncodeSnappy(nil, b[:n])
		out = binary.BigEndian.AppendUint32(out, uint32(len(block)))
		out = append(out, block...)
		b = b[n:]
	}
	return out
}

// zstdStream compresses as the Java producer does: without the size of the content, and
// with the window of the level.
func zstdStream(tb tester, b []byte, opts ...zstd.EOption) []byte {
	tb.Helper()
	var out bytes.Buffer
	w, err := zstd.NewWriter(&out, append([]zstd.EOption{zstd.WithEncoderConcurrency(1)}, opts...)...)
	return written(tb, &out, w, err, b)
}

func gzipStreamOf(tb tester, b []byte) []byte {
	var out bytes.Buffer
	return written(tb, &out, gzip.NewWriter(&out), nil, b)
}

func lz4StreamOf(tb tester, b []byte, opts ...lz4.Option) []byte {
	var out bytes.Buffer
	w := lz4.NewWriter(&out)
	return written(tb, &out, w, w.Apply(opts...), b)
}

func written(tb tester, out *bytes.Buffer, w io.WriteCloser, err error, b []byte) []byte {
	tb.Helper()
	if err == nil {
		// In two parts with a flush in between; otherwise zstd knows the size at the
		// end.
		_, err = w.Write(b[:len(b)/2])
	}
	if f, ok := w.(interface{ Flush() error }); ok && err == nil {
		err = f.Flush()
	}
	if err == nil {
		_, err = w.Write(b[len(b)/2:])
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// payload is one way to compress.
type payload struct {
	name  string
	codec Codec
	make  func(tb tester, b []byte) []byte
}

// payloads are the ways in which producers compress, and others that the formats allow.
var payloads = []payload{
	{"gzip", Gzip, gzipStreamOf},
	{"gzip in two members", Gzip, func(tb tester, b []byte) []byte {
		return append(gzipStreamOf(tb, b[:len(b)/3]), gzipStreamOf(tb, b[len(b)/3:])...)
	}},
	{"snappy", Snappy, func(_ tester, b []byte) []byte { return s2.EncodeSnappy(nil, b) }},
	{"xerial of 32 KiB", Snappy, func(_ tester, b []byte) []byte { return xerial(b, 32<<10) }},
	{"xerial of 100 bytes", Snappy, func(_ tester, b []byte) []byte { return xerial(b, 100) }},
	{"lz4", LZ4, func(tb tester, b []byte) []byte { return lz4StreamOf(tb, b) }},
	{"lz4 in blocks of 64 KiB with checksums", LZ4, func(tb tester, b []byte) []byte {
		return lz4StreamOf(tb, b, lz4.BlockSizeOption(lz4.Block64Kb), lz4.BlockChecksumOption(true))
	}},
	{"lz4 with its size, without a checksum", LZ4, func(tb tester, b []byte) []byte {
		return lz4StreamOf(tb, b, lz4.SizeOption(uint64(len(b))), lz4.ChecksumOption(false))
	}},
	{"lz4 in two frames", LZ4, func(tb tester, b []byte) []byte {
		return append(lz4StreamOf(tb, b[:len(b)/3]), lz4StreamOf(tb, b[len(b)/3:])...)
	}},
	{"zstd", Zstd, func(tb tester, b []byte) []byte {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
		if err != nil {
			tb.Fatal(err)
		}
		return w.EncodeAll(b, nil)
	}},
	{"zstd as a stream", Zstd, func(tb tester, b []byte) []byte { return zstdStream(tb, b) }},
	{"zstd with a window of 128 MiB", Zstd, func(tb tester, b []byte) []byte {
		return withZstdWindow(tb, zstdStream(tb, b), 27)
	}},
	{"zstd in two frames", Zstd, func(tb tester, b []byte) []byte {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithZeroFrames(true))
		if err != nil {
			tb.Fatal(err)
		}
		return w.EncodeAll(b[len(b)/3:], w.EncodeAll(b[:len(b)/3], nil))
	}},
}

// withZstdWindow declares a window of 2^log in a frame that has a window, as zstd's
// higher levels do for any number of bytes.
func withZstdWindow(tb tester, frame []byte, log byte) []byte {
	tb.Helper()
	if singleSegment := frame[4]&0x20 != 0; singleSegment {
		tb.Fatal("the frame has no window")
	}
	frame[5] = (log - 10) << 3
	return frame
}

// If this fails, a batch of some producer cannot be read, or not with a buffer of
// exactly its size, or the limit is off.
func TestCodecs(t *testing.T) {
	for _, size := range []int{1, 100, 20_000, 300_000} {
		plain := batchOf(t, size)
		for _, p := range payloads {
			t.Run(fmt.Sprintf("%s/%d", p.name, size), func(t *testing.T) {
				batch := withPayload(plain, p.codec, p.make(t, plain[HeaderSize:]))
				for _, dst := range [][]byte{nil, []byte("x"), make([]byte, 3, 1<<20), make([]byte, 3, len(plain)+3), make([]byte, 3, len(plain)+2)} {
					// Twice: with new state and with the state of the previous batch.
					d := NewDecompressor(len(plain))
					for range 2 {
						got, err := d.AppendUncompressed(dst, batch)
						if err != nil {
							t.Fatal(err)
						}
						if !bytes.Equal(got[:len(dst)], dst) || !bytes.Equal(got[len(dst):], plain) {
							t.Fatal("not the bytes that were compressed")
						}
					}
				}
				for _, limit := range []int{len(plain) - 1, HeaderSize, HeaderSize - 1, 0, -1} {
					got, err := NewDecompressor(limit).AppendUncompressed([]byte("x"), batch)
					if !errors.Is(err, ErrTooLarge) || string(got) != "x" {
						t.Errorf("a limit of %d of %d bytes gave %d bytes and the error %v", limit, len(plain), len(got), err)
					}
				}
				cut, err := NewDecompressor(1<<20).AppendUncompressed([]byte("x"),
					withPayload(plain, p.codec, batch[HeaderSize:len(batch)-1]))
				if !errors.Is(err, ErrCorrupt) || string(cut) != "x" {
					t.Errorf("a stream without its last byte gave %d bytes and the error %v", len(cut), err)
				}
			})
		}
	}
}

// If this fails, a partition is stuck at a batch that the log cleaner has emptied, or a
// batch that has lost its records counts as emptied.
func TestEmptyPayload(t *testing.T) {
	for codec := None; codec <= Zstd; codec++ {
		d := NewDecompressor(1 << 20)
		emptied := withPayload(body(0, 9), codec, nil)
		if got, err := d.AppendUncompressed(nil, emptied); err != nil || !bytes.Equal(got, body(0, 9)) {
			t.Errorf("%s: %x and %v", codec, got, err)
		}
		got, err := d.AppendUncompressed(nil, withPayload(body(1, 9), codec, nil))
		if err == nil {
			var r Reader
			if r, err = NewReader(got); err == nil && !r.Next(new(Record)) {
				err = r.Err()
			}
		}
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: a record of no bytes gave %v", codec, err)
		}
	}
}

// batchOf has records of tweets and of noise, of about size bytes.
func batchOf(tb tester, size int) []byte {
	tb.Helper()
	rnd := rand.New(rand.NewPCG(1, uint64(size)))
	var records []Record
	for n := 0; n < size; {
		value := []byte("I love the new blend of SuperCoffee, it is what mornings are for")
		value = value[:min(len(value), size-n)]
		value[0] = byte(rnd.Uint32())
		records = append(records, Record{Offset: 5 + int64(len(records)), Timestamp: 1_700_000_000_000, Value: value})
		n += len(value)
	}
	plain, err := AppendBatch(nil, Header{BaseOffset: 5, ProducerID: -1}, records...)
	if err != nil {
		tb.Fatal(err)
	}
	return plain
}
