package avrospec

import (
	"encoding/binary"
	"errors"
	"math"
	"unicode/utf8"
)

// Reasons why bytes are not a value. They are variables, so that a topic full of
// foreign records does not allocate one for each.
var (
	ErrTruncated = errors.New("the bytes end inside the value")
	ErrTrailing  = errors.New("bytes follow the value")
	ErrVarint    = errors.New("a number has more than 10 bytes, or more bits than its type")
	ErrBoolean   = errors.New("a boolean is neither 0 nor 1")
	ErrLength    = errors.New("a length is negative")
	ErrUTF8      = errors.New("a string is not UTF-8")
	ErrEnum      = errors.New("an enum has no symbol with this number")
	ErrUnion     = errors.New("a union has no branch with this number")
	ErrBlock     = errors.New("a block of an array or map does not have its declared size")
	ErrDepth     = errors.New("values are nested more than 1000 deep")
	ErrItems     = errors.New("an array has more than 4096 items of zero bytes")
	ErrSteps     = errors.New("there are more than 4096 values and more than 16 per byte")
	ErrKey       = errors.New("a map has the same key twice")
)

// Bounds of a value. An array of nulls takes no bytes, so the number of bytes does not
// bound the number of values. Decode counts such items, and Read counts what it skips:
// each value, and each block of an array or map.
const (
	maxDepth      = 1000
	maxEmptyItems = 4096
	maxSteps      = 4096
	stepsPerByte  = 16
)

// wire reads the binary encoding from b[i].
type wire struct {
	b     []byte
	i     int
	depth int
	empty int64 // items of zero bytes, in Decode
	steps int   // values left, in Read
}

func (w *wire) step() error {
	if w.steps == 0 {
		return ErrSteps
	}
	w.steps--
	return nil
}

func (w *wire) enter() error {
	if w.depth >= maxDepth {
		return ErrDepth
	}
	w.depth++
	return nil
}

// varint reads a number of at most this many bits, without zig-zag decoding.
func (w *wire) varint(bits uint) (u uint64, err error) {
	for shift := uint(0); ; shift += 7 {
		if w.i >= len(w.b) {
			return 0, ErrTruncated
		}
		c := w.b[w.i]
		w.i++
		// The last possible byte has room for the last bits, and no byte may follow it.
		if shift+7 >= bits && c>>(bits-shift) != 0 {
			return 0, ErrVarint
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return u, nil
		}
	}
}

func (w *wire) long() (int64, error) {
	if w.i < len(w.b) && w.b[w.i] < 0x80 { // the most frequent case
		u := int64(w.b[w.i])
		w.i++
		return u>>1 ^ -(u & 1), nil
	}
	u, err := w.varint(64)
	return int64(u>>1) ^ -int64(u&1), err
}

func (w *wire) int() (int64, error) {
	u, err := w.varint(32)
	return int64(u>>1) ^ -int64(u&1), err
}

func (w *wire) take(n int) ([]byte, error) {
	if n > len(w.b)-w.i {
		return nil, ErrTruncated
	}
	at := w.i
	w.i += n
	return w.b[at:w.i:w.i], nil
}

// bytes reads a length and that many bytes, which alias the input.
func (w *wire) bytes() ([]byte, error) {
	n, err := w.long()
	switch {
	case err != nil:
		return nil, err
	case n < 0:
		return nil, ErrLength
	case n > int64(len(w.b)-w.i):
		return nil, ErrTruncated
	}
	return w.take(int(n))
}

func (w *wire) string() ([]byte, error) {
	s, err := w.bytes()
	if err == nil && !utf8.Valid(s) {
		err = ErrUTF8
	}
	return s, err
}

func (w *wire) boolean() (bool, error) {
	b, err := w.take(1)
	if err != nil {
		return false, err
	}
	if b[0] > 1 {
		return false, ErrBoolean
	}
	return b[0] == 1, nil
}

func (w *wire) float() (float32, error) {
	b, err := w.take(4)
	if err != nil {
		return 0, err
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b)), nil
}

func (w *wire) double() (float64, error) {
	b, err := w.take(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}

func (w *wire) enum(n *node) (int64, error) {
	v, err := w.int()
	if err == nil && (v < 0 || v >= int64(len(n.symbols))) {
		err = ErrEnum
	}
	return v, err
}

// branch reads the number of the branch of a union.
func (w *wire) branch(n *node) (int64, error) {
	v, err := w.int()
	if err == nil && (v < 0 || v >= int64(len(n.branches))) {
		err = ErrUnion
	}
	return v, err
}

// block reads the head of a block of an array or map: its number of items, 0 after the
// last block, and its number of bytes, -1 if that is not given.
func (w *wire) block() (count, size int64, err error) {
	count, err = w.long()
	if err != nil || count >= 0 {
		return count, -1, err
	}
	if count == math.MinInt64 {
		return 0, 0, ErrBlock
	}
	if size, err = w.long(); err == nil && size < 0 {
		err = ErrBlock
	}
	return -count, size, err
}
