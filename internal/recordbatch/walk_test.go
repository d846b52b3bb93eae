package recordbatch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// If this fails, Next accepts bytes that are not a batch, or its caller cannot act on
// its error.
func TestNext(t *testing.T) {
	good := seedBatches(t)[0]
	set := func(edit func(b []byte)) []byte {
		b := bytes.Clone(good)
		edit(b)
		return b
	}
	be := binary.BigEndian
	length := func(n int32) []byte { return set(func(b []byte) { be.PutUint32(b[atLength:], uint32(n)) }) }
	for _, c := range []struct {
		name string
		b    []byte
		want error
		size int // of the header that is returned with the error
	}{
		{"nothing", nil, io.EOF, 0},
		{"one byte", good[:1], ErrPartial, 0},
		{"without magic", good[:atMagic], ErrPartial, 0},
		{"with no more than magic", good[:atMagic+1], ErrPartial, 0},
		{"all but a byte of the header", good[:HeaderSize-1], ErrPartial, 0},
		{"the header alone", good[:HeaderSize], ErrPartial, len(good)},
		{"all but a byte", good[:len(good)-1], ErrPartial, len(good)},
		{"magic 0", set(func(b []byte) { b[atMagic] = 0 }), ErrMagic, 0},
		{"magic 1 of 17 bytes", set(func(b []byte) { b[atMagic] = 1 })[:atMagic+1], ErrMagic, 0},
		{"magic 3", set(func(b []byte) { b[atMagic] = 3 }), ErrMagic, 0},
		{"magic -1", set(func(b []byte) { b[atMagic] = 0xff }), ErrMagic, 0},
		{"a length of 0", length(0), ErrCorrupt, 0},
		{"a length below the header's", length(HeaderSize - lengthEnd - 1), ErrCorrupt, 0},
		{"a negative length", length(-1), ErrCorrupt, 0},
		{"the lowest length", length(math.MinInt32), ErrCorrupt, 0},
		{"the highest length", length(math.MaxInt32), ErrPartial, math.MaxInt32 + lengthEnd},
		{"a length of the header alone", length(HeaderSize - lengthEnd), ErrCRC, HeaderSize},
		{"a wrong CRC", set(func(b []byte) { b[atCRC]++ }), ErrCRC, len(good)},
		{"a flipped bit in the attributes", set(func(b []byte) { b[atAttributes+1] ^= AttrTransactional }), ErrCRC, len(good)},
		{"a flipped bit in the last byte", set(func(b []byte) { b[len(b)-1] ^= 1 }), ErrCRC, len(good)},
		{"a negative base offset", set(func(b []byte) { b[0] = 0xff }), ErrCorrupt, len(good)},
		{"a last offset that overflows", set(func(b []byte) { be.PutUint64(b, math.MaxInt64-4) }), ErrCorrupt, len(good)},
		{"a negative last offset delta", set(func(b []byte) { b[23] = 0xff; seal(b) }), ErrCorrupt, len(good)},
		{"a negative count", set(func(b []byte) { b[57] = 0xff; seal(b) }), ErrCorrupt, len(good)},
		{"more records than offsets", set(func(b []byte) { b[60] = 6; seal(b) }), ErrCorrupt, len(good)},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, batch, rest, err := Next(c.b)
			if !errors.Is(err, c.want) || batch != nil || !bytes.Equal(rest, c.b) {
				t.Fatalf("%d bytes, %d left of %d, error %v", len(batch), len(rest), len(c.b), err)
			}
			if size := h.Size(); c.size > 0 && size != c.size || c.size == 0 && h != (Header{}) {
				t.Errorf("the header %+v came with the error", h)
			}
		})
	}
}

// A reader of the message has no other hint.
func TestMagicNamesTheRemedy(t *testing.T) {
	b := bytes.Clone(seedBatches(t)[0])
	b[atMagic] = 1
	_, _, _, err := Next(b)
	if err == nil || !strings.Contains(err.Error(), "copying the topic") || !strings.Contains(err.Error(), "offset 10") {
		t.Errorf("%v", err)
	}
}

// If this fails, Check accepts a message or file with bytes that belong to no batch.
func TestCheck(t *testing.T) {
	good := seedBatches(t)[0]
	for _, c := range []struct {
		name string
		b    []byte
		want error
	}{
		{"good", good, nil},
		{"nothing", nil, ErrPartial},
		{"all but a byte", good[:len(good)-1], ErrPartial},
		{"a byte more", append(bytes.Clone(good), 0), ErrCorrupt},
		{"twice", append(bytes.Clone(good), good...), ErrCorrupt},
		{"a wrong CRC", append(bytes.Clone(good[:len(good)-1]), 'y'), ErrCRC},
	} {
		if _, err := Check(c.b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// The flags decide whether records count, and their timestamps.
func TestAttributes(t *testing.T) {
	for attributes, want := range map[int16][4]bool{
		0:                 {},
		AttrLogAppendTime: {true, false, false, false},
		AttrTransactional: {false, true, false, false},
		AttrControl:       {false, false, true, false},
		AttrDeleteHorizon: {false, false, false, true},
		-1:                {true, true, true, true},
	} {
		h := Header{Attributes: attributes}
		if got := [4]bool{h.LogAppendTime(), h.Transactional(), h.Control(), h.DeleteHorizon()}; got != want {
			t.Errorf("%#x: %v instead of %v", attributes, got, want)
		}
	}
	if c := (Header{Attributes: 5}).Codec(); c != 5 || c.String() != "codec 5" {
		t.Errorf("codec %s of attributes 5", c)
	}
}

// If this fails, an aborted transaction counts as committed, or the consumer stops at a
// marker that the log cleaner has emptied.
func TestControlType(t *testing.T) {
	marker := func(attributes int16, records ...Record) []byte {
		b, err := AppendBatch(nil, Header{BaseOffset: 7, Attributes: attributes}, records...)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	const transactional = AttrControl | AttrTransactional
	key := func(b ...byte) Record { return Record{Offset: 7, Key: b} }
	for _, c := range []struct {
		name  string
		batch []byte
		want  ControlType
		fails bool
	}{
		{"abort", marker(transactional, key(0, 0, 0, 0)), ControlAbort, false},
		{"commit", marker(transactional, key(0, 0, 0, 1)), ControlCommit, false},
		{"a newer version with more", marker(transactional, key(0, 9, 0, 1, 5)), ControlCommit, false},
		{"another type", marker(AttrControl, key(0, 0, 0, 3)), 3, false},
		{"removed by the log cleaner", marker(transactional), ControlNone, false},
		{"a short key", marker(transactional, key(0, 0, 0)), ControlNone, true},
		{"a null key", marker(transactional, Record{Offset: 7}), ControlNone, true},
		{"records of a producer", marker(AttrTransactional, key(0, 0, 0, 1)), ControlNone, true},
		{"cut off", marker(transactional, key(0, 0, 0, 1))[:70], ControlNone, true},
	} {
		got, err := ControlTypeOf(c.batch)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %d, %v", c.name, got, err)
		}
	}
}
