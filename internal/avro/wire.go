package avro

import (
	"errors"
	"math"

	"github.com/brandpulse/brandpulse-connect/internal/tweet"
)

// Bounds of one record of another schema.
const (
	// MaxDatumBytes bounds its size, including skipped fields.
	MaxDatumBytes = 1 << 20
	// maxSteps and stepsPerByte bound its number of values, some of which take no
	// bytes: null, and records and arrays of nothing else.
	maxSteps     = MaxTypes
	stepsPerByte = 16
	// maxDepth bounds the nesting of values.
	maxDepth = 1000
)

// Reasons why bytes are not a record of the writer's schema, besides those of package
// tweet. They are values, so that rejecting does not allocate.
var (
	errLength  = errors.New("a length is negative")
	errUnion   = errors.New("a union has no branch with this number")
	errEnum    = errors.New("an enum has no symbol with this number")
	errBlock   = errors.New("a block of an array or map has an impossible size")
	errDepth   = errors.New("values are nested more than 1000 deep")
	errTooLong = errors.New("the record has more than 1048576 bytes")
	errSteps   = errors.New("the record has more than 4096 values and more than 16 per byte")
)

// wire reads the binary encoding from b[i].
type wire struct {
	b     []byte
	i     int
	depth int
	steps int // steps left
}

func newWire(b []byte) wire {
	return wire{b: b, depth: 1, steps: maxSteps + stepsPerByte*len(b)}
}

// step counts one value.
func (w *wire) step() error {
	if w.steps--; w.steps < 0 {
		return errSteps
	}
	return nil
}

func (w *wire) enter() error {
	if w.depth >= maxDepth {
		return errDepth
	}
	w.depth++
	return nil
}

func (w *wire) leave() { w.depth-- }

// varint reads a number of at most this many bits, without zigzag decoding.
func (w *wire) varint(bits uint) (u uint64, err error) {
	for shift := uint(0); w.i < len(w.b); shift += 7 {
		c := w.b[w.i]
		w.i++
		// The last possible byte has room for the remaining bits, and no byte may
		// follow it.
		if shift+7 >= bits && c>>(bits-shift) != 0 {
			return 0, tweet.ErrVarint
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return u, nil
		}
	}
	return 0, tweet.ErrTruncated
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

// index reads the number of a branch or symbol, of which there are n.
func (w *wire) index(n int, beyond error) (int, error) {
	v, err := w.int()
	if err == nil && (v < 0 || v >= int64(n)) {
		err = beyond
	}
	return int(v), err
}

func (w *wire) take(n int64) ([]byte, error) {
	if n > int64(len(w.b)-w.i) {
		return nil, tweet.ErrTruncated
	}
	at := w.i
	w.i += int(n)
	return w.b[at:w.i:w.i], nil
}

// bytes reads a length and that many bytes, which alias the input.
func (w *wire) bytes() ([]byte, error) {
	n, err := w.long()
	if err == nil && n < 0 {
		err = errLength
	}
	if err != nil {
		return nil, err
	}
	return w.take(n)
}

// skip skips a value. It checks the framing only: the value of a boolean and the UTF-8
// of a string do not matter here.
func (w *wire) skip(n *node) (err error) {
	if err := w.step(); err != nil {
		return err
	}
	switch n.kind {
	case kindNull:
	case kindBoolean:
		_, err = w.take(1)
	case kindInt, kindEnum:
		_, err = w.int()
	case kindLong:
		_, err = w.long()
	case kindFloat:
		_, err = w.take(4)
	case kindDouble:
		_, err = w.take(8)
	case kindBytes, kindString:
		_, err = w.bytes()
	case kindFixed:
		_, err = w.take(n.size)
	default:
		if err := w.enter(); err != nil {
			return err
		}
		err = w.skipInside(n)
		w.leave()
	}
	return err
}

func (w *wire) skipInside(n *node) error {
	switch n.kind {
	case kindUnion:
		i, err := w.index(len(n.branches), errUnion)
		if err != nil {
			return err
		}
		return w.skip(n.branches[i])
	case kindRecord:
		for i := range n.fields {
			if err := w.skip(n.fields[i].node); err != nil {
				return err
			}
		}
		return nil
	}
	for {
		count, size, err := w.block()
		switch {
		case err != nil || count == 0:
			return err
		case size >= 0:
			if _, err := w.take(size); err != nil {
				return err
			}
			continue
		}
		for range count {
			if n.kind == kindMap {
				if _, err := w.bytes(); err != nil {
					return err
				}
			}
			if err := w.skip(n.items); err != nil {
				return err
			}
		}
	}
}

// block reads the head of a block of an array or map: its number of items, 0 after the
// last block, and its number of bytes, or -1.
func (w *wire) block() (count, size int64, err error) {
	if err := w.step(); err != nil {
		return 0, 0, err
	}
	count, err = w.long()
	if err != nil || count >= 0 {
		return count, -1, err
	}
	if count == math.MinInt64 {
		return 0, 0, errBlock
	}
	if size, err = w.long(); err == nil && size < 0 {
		err = errBlock
	}
	return -count, size, err
}
