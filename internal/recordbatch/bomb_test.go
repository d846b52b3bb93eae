package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"runtime"
	"testing"
)

// If this fails, one batch of a hostile producer can exhaust the memory.
func TestBombs(t *testing.T) {
	const limit = 1 << 20
	zeros := make([]byte, 64<<20)
	plain := body(1, 0)
	bombs := map[string][]byte{}
	for _, p := range payloads {
		if p.name != "xerial of 100 bytes" {
			bombs[p.name] = withPayload(plain, p.codec, p.make(t, zeros))
		}
	}
	bombs["snappy that claims 4 GiB"] = withPayload(plain, Snappy, []byte{0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0})
	bombs["xerial that claims it five times"] = withPayload(plain, Snappy,
		append(bytes.Clone(xerialMagic), append(make([]byte, 8), bytes.Repeat([]byte{0, 0, 0, 6, 0xff, 0xff, 0xff, 0xff, 0x07, 0}, 5)...)...))
	for name, batch := range bombs {
		d := NewDecompressor(limit)
		got, err := d.AppendUncompressed(nil, batch) // creates the codec's state
		if !errors.Is(err, ErrTooLarge) || got != nil {
			t.Errorf("%s: %d bytes and the error %v", name, len(got), err)
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = d.AppendUncompressed(nil, batch)
		runtime.ReadMemStats(&after)
		// A block of lz4 is 4 MiB.
		if n := after.TotalAlloc - before.TotalAlloc; n > 3*limit+8<<20 {
			t.Errorf("%s took %d bytes with a limit of %d", name, n, limit)
		}
		if c := cap(d.buf); c > limit+zstdBlock {
			t.Errorf("%s left a buffer of %d bytes", name, c)
		}
	}
}

// If this fails, the threads of a pipeline keep the memory of the largest batch ever
// read.
func TestALargeBufferIsReleased(t *testing.T) {
	large := withPayload(body(1, 0), Zstd, zstdStream(t, make([]byte, 20<<20)))
	small := withPayload(body(1, 0), Zstd, zstdStream(t, make([]byte, 100)))
	d := NewDecompressor(32 << 20)
	for _, batch := range [][]byte{large, small} {
		if _, err := d.Reader(batch); err != nil {
			t.Fatal(err)
		}
	}
	if c := cap(d.buf); c > 1<<20 {
		t.Errorf("a buffer of %d bytes is kept for small batches", c)
	}
}

// If this fails, the library gets frames that crash the process: see checkLZ4.
func TestLZ4LegacyFrames(t *testing.T) {
	legacy := binary.LittleEndian.AppendUint32(nil, 0x184c2102)
	frame := lz4StreamOf(t, []byte("x"))
	for _, p := range [][]byte{bytes.Repeat(legacy, 1000), append(frame, bytes.Repeat(legacy, 2)...)} {
		_, err := NewDecompressor(1<<20).AppendUncompressed(nil, withPayload(body(1, 0), LZ4, p))
		if !errors.Is(err, errLZ4Frame) || !errors.Is(err, ErrCorrupt) {
			t.Errorf("%d bytes: %v", len(p), err)
		}
	}
}

// If this fails, a batch in a future codec of Kafka is read as something else.
func TestUnknownCodec(t *testing.T) {
	for c := Codec(5); c <= 7; c++ {
		_, err := NewDecompressor(1<<20).AppendUncompressed(nil, withPayload(body(1, 0, 1), c, []byte{1, 2, 3}))
		if !errors.Is(err, ErrCodec) || errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", c, err)
		}
	}
}
