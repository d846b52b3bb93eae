package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/pierrec/lz4/v4"
)

// isLZ4Checksum reports whether err is about a checksum, which lz4 leaves to the
// CRC-32C.
func isLZ4Checksum(err error) bool {
	return errors.Is(err, lz4.ErrInvalidHeaderChecksum) || errors.Is(err, lz4.ErrInvalidBlockChecksum) ||
		errors.Is(err, lz4.ErrInvalidFrameChecksum)
}

// lz4Frame returns a frame of blocks that declares a size, with the required checksum
// in its header.
func lz4Frame(tb tester, flags, sizes byte, size uint64, blocks []byte) []byte {
	tb.Helper()
	frame := binary.LittleEndian.AppendUint32(nil, lz4Magic)
	frame = append(frame, flags, sizes)
	if flags&lz4ContentSize != 0 {
		frame = binary.LittleEndian.AppendUint64(frame, size)
	}
	if flags&lz4Dictionary != 0 {
		frame = append(frame, 1, 2, 3, 4)
	}
	checksum := len(frame)
	frame = append(append(append(frame, 0), blocks...), 0, 0, 0, 0)
	if flags&lz4ContentChecksum != 0 {
		frame = append(frame, 0, 0, 0, 0)
	}
	for ; ; frame[checksum]++ {
		_, err := lz4.NewReader(bytes.NewReader(frame)).Read(make([]byte, 1))
		if !errors.Is(err, lz4.ErrInvalidHeaderChecksum) {
			return frame
		}
		if frame[checksum] == 0xff {
			tb.Fatal("no checksum fits")
		}
	}
}

// linkedBlocks are a stored block of 16 bytes and one that repeats them.
var linkedBlocks = []byte("\x10\x00\x00\x800123456789abcdef" +
	"\x09\x00\x00\x00\x0c\x10\x00\x50vwxyz")

// If this fails, frames whose blocks depend on each other, which the format allows but
// no known producer writes, cannot be read.
func TestLZ4LinkedBlocks(t *testing.T) {
	frame := lz4Frame(t, 0x40, 0x40, 0, linkedBlocks)
	header := body(1, 0)
	got, err := NewDecompressor(1<<20).AppendUncompressed(nil, withPayload(header, LZ4, frame))
	if err != nil || string(got[HeaderSize:]) != "0123456789abcdef0123456789abcdefvwxyz" {
		t.Errorf("%q and %v", got, err)
	}
	// The same blocks in a frame that declares them independent.
	frame = lz4Frame(t, lz4FlagsPlain, 0x40, 0, linkedBlocks)
	if _, err := NewDecompressor(1<<20).AppendUncompressed(nil, withPayload(header, LZ4, frame)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("independent blocks that are not: %v", err)
	}
}

// If this fails, checksums take time again, or something that they do not cover is no
// longer checked.
func TestLZ4Checksums(t *testing.T) {
	plain := batchOf(t, 100_000)
	frame := lz4StreamOf(t, plain[HeaderSize:], lz4.BlockSizeOption(lz4.Block64Kb), lz4.SizeOption(uint64(len(plain)-HeaderSize)), lz4.BlockChecksumOption(true))
	d := NewDecompressor(1 << 20)
	checksum := bytes.Clone(frame)
	checksum[len(checksum)-1] ^= 1
	if got, err := d.AppendUncompressed(nil, withPayload(plain, LZ4, checksum)); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("a content with another checksum: %v", err)
	}
	size := bytes.Clone(frame)
	size[6] ^= 1
	if _, err := d.AppendUncompressed(nil, withPayload(plain, LZ4, size)); !errors.Is(err, ErrCorrupt) {
		t.Errorf("a content of another size: %v", err)
	}
}

// If FuzzLZ4 fails, frames are decompressed differently than by the library's Reader,
// except for checksums. The input is that of blocks, since the fuzzer could not
// generate a header for them.
func FuzzLZ4(f *testing.F) {
	plain := batchOf(f, 1000)[HeaderSize:]
	for _, options := range [][]lz4.Option{
		{lz4.ChecksumOption(false)},
		{lz4.ChecksumOption(false), lz4.BlockChecksumOption(true)},
	} {
		frame := lz4StreamOf(f, plain, options...)
		f.Add(frame[lz4HeaderSize:len(frame)-4], frame[4], frame[5], uint64(0), oracleLimit)
		f.Add(frame[lz4HeaderSize:len(frame)-4], frame[4]|lz4ContentSize, frame[5], uint64(len(plain)), len(plain))
		f.Add(frame[lz4HeaderSize:len(frame)-4], frame[4]|lz4ContentChecksum, frame[5], uint64(0), len(plain)-1)
	}
	f.Add(linkedBlocks, byte(0x40), byte(0x40), uint64(0), 37)
	f.Add(linkedBlocks, byte(0x60), byte(0x40), uint64(0), 36)
	var ours, theirs Decompressor
	f.Fuzz(func(t *testing.T, blocks []byte, flags, sizes byte, size uint64, room int) {
		room = min(max(room, 0), oracleLimit)
		frame := lz4Frame(t, flags, sizes, size, blocks)
		ours.buf = nil
		got, err := ours.lz4(frame, room)
		want, wantErr := theirs.stream(frame, theirs.lz4Stream(), room)
		if err == nil && isLZ4Checksum(wantErr) {
			return
		}
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || errors.Is(err, ErrTooLarge) != errors.Is(wantErr, ErrTooLarge) {
			t.Fatalf("%d bytes and %v, the Reader gives %d and %v", len(got), err, len(want), wantErr)
		}
		if c := cap(ours.buf); c > room {
			t.Fatalf("a buffer of %d bytes for at most %d", c, room)
		}
	})
}
