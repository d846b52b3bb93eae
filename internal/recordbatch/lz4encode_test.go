package recordbatch

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/pierrec/lz4/v4"
	"pgregory.net/rapid"
)

// If this fails, a reader of lz4 returns other bytes, or one that relies on the rules for
// the end of a block reads beyond it: the C library's do, the decoders of Go do not.
func TestLZ4BlocksKeepTheFormat(t *testing.T) {
	var encoder lz4Fast
	rapid.Check(t, func(t *rapid.T) {
		src := repetitive(t)
		dst := make([]byte, lz4.CompressBlockBound(len(src)))
		n, err := encoder.block(dst, src)
		if err != nil {
			t.Fatal(err)
		}
		back, err := strictLZ4(dst[:n])
		if err != nil || !bytes.Equal(back, src) {
			t.Fatalf("%v, %d bytes instead of %d", err, len(back), len(src))
		}
	})
}

// repetitive returns bytes that repeat earlier ones at any distance, up to a whole block.
func repetitive(t *rapid.T) []byte {
	size := rapid.OneOf(rapid.IntRange(1, 100), rapid.IntRange(1, 64<<10), rapid.Just(64<<10)).Draw(t, "size")
	src := rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "seed")
	for len(src) < size {
		if rapid.IntRange(0, 3).Draw(t, "fresh") == 0 {
			src = append(src, rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "bytes")...)
			continue
		}
		back := rapid.IntRange(1, len(src)).Draw(t, "offset")
		for range rapid.OneOf(rapid.IntRange(3, 80), rapid.IntRange(3, 70_000)).Draw(t, "length") {
			src = append(src, src[len(src)-back])
		}
	}
	return src[:size]
}

// strictLZ4 decompresses a block by the letter of lz4's description of the format.
func strictLZ4(b []byte) (out []byte, err error) {
	length := func(nibble byte) (n int) {
		if n = int(nibble); n < 15 {
			return n
		}
		for {
			c := b[0]
			b = b[1:]
			if n += int(c); c < 255 {
				return n
			}
		}
	}
	defer func() {
		if recover() != nil {
			err = errors.New("the block ends in a sequence")
		}
	}()
	last := -1 // beginning of the last match
	for {
		token := b[0]
		b = b[1:]
		literals := length(token >> 4)
		out = append(out, b[:literals]...)
		if b = b[literals:]; len(b) == 0 {
			if token&15 != 0 || last >= 0 && (literals < 5 || len(out)-last < 12) {
				return out, fmt.Errorf("the end has the token %#x, %d literals, and a match %d bytes before it", token, literals, len(out)-last)
			}
			return out, nil
		}
		offset := int(b[0]) | int(b[1])<<8
		b = b[2:]
		if offset == 0 || offset > len(out) {
			return out, fmt.Errorf("an offset of %d after %d bytes", offset, len(out))
		}
		last = len(out)
		for range 4 + length(token&15) {
			out = append(out, out[len(out)-offset])
		}
	}
}
